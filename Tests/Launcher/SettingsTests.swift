import Charters
import Chassis
import Foundation
import Launcher
import StrictJSON
import Testing
import Vocabulary

@Suite struct `The settings of a platform` {
  private static func book() throws -> SettingsBook {
    SettingsBook(try CharterFolder.load(String(`A new service`.root.dropLast())))
  }
  private static func wishes(_ lines: String...) throws -> [SettingWish] {
    try lines.map { try SettingWish(line: $0, from: "--set") }
  }

  @Test func `are what charters declare, until somebody chooses, and then say where`() throws {
    let book = try Self.book()
    let platform = try book.applied(
      try Self.wishes(
        "identity.session_lifetime = 3600", "platform.limits_factor=7", "audit.keep_days=30"),
      to: Platform())
    #expect(platform.limitsFactor == 7)
    #expect(
      platform.settings?["identity.session_lifetime"] == ChosenSetting(value: 3600, from: "--set"))
    let lines = Dictionary(book.lines(of: platform).map { ($0.name, $0) }) { $1 }
    #expect(lines["identity.session_lifetime"]?.value == "3600")
    #expect(lines["identity.session_lifetime"]?.from == "--set")
    #expect(lines["identity.housekeeping_interval"]?.value == "30")
    #expect(lines["identity.housekeeping_interval"]?.from == nil)
    // It is kept as it was said, and an empty value is the default again.
    let kept = try Platform(bytes: PlatformSettings.bytes(of: platform).dropLast())
    #expect(kept == platform)
    let back = try book.applied(
      try Self.wishes("identity.session_lifetime=", "audit.keep_days=", "platform.limits_factor="),
      to: kept)
    #expect(back == Platform())
  }

  @Test func `reach a service as its charter or the operator says, and never out of range`() throws
  {
    let charters = try CharterFolder.load(String(`A new service`.root.dropLast()))
    let identity = try #require(charters["identity"])
    func seconds(_ chosen: [String: ChosenSetting]) -> Duration {
      ServiceSettings(identity, chosen: chosen).seconds("session_lifetime")
    }
    func choice(_ value: Int) -> [String: ChosenSetting] {
      ["identity.session_lifetime": ChosenSetting(value: value, from: "--set")]
    }
    #expect(seconds([:]) == .seconds(28_800))
    #expect(seconds(choice(3_600)) == .seconds(3_600))
    #expect(seconds(choice(1)) == .seconds(300))
    #expect(
      seconds(["gateway.session_lifetime": ChosenSetting(value: 400, from: "")]) == .seconds(28_800)
    )
    let audit = ServiceSettings(try #require(charters["audit"]), chosen: [:])
    #expect(audit.chosen("keep_days") == nil && audit.number("keep_days") == 0)
  }

  @Test func `name a service's store on a server`() throws {
    let book = try Self.book()
    let place = "postgresql://bank@db.example/bank?sslmode=verify-full"
    let platform = try book.applied(try Self.wishes("ledger.database=\(place)"), to: Platform())
    #expect(platform.storeServer(of: "ledger") != nil && platform.storeServer(of: "audit") == nil)
    let line = try #require(book.lines(of: platform).first { $0.name == "ledger.database" })
    #expect(line.value.contains("db.example") && line.usual == "a file")
  }

  @Test(arguments: [
    ("identity.session_lifetim=3600", "did you mean 'identity.session_lifetime'?"),
    ("identity.session_lifetime=299", "300–604800 seconds; the default is 28800"),
    ("identity.session_lifetime=604801", "300–604800 seconds"),
    ("identity.session_lifetime=-1", "300–604800 seconds"),
    ("identity.session_lifetime=1h", "300–604800 seconds"),
    ("identity.session_lifetime=99999999999999999999", "300–604800 seconds"),
    ("platform.limits_factor=0", "1–1000000"), ("zzz.zzz=1", "'strongroom settings' lists them"),
    ("ledger.database=sqlite://x", "ledger.database"), ("ledger.database=", "cannot be taken back"),
  ])
  func `are refused in one line with what to do`(line: String, says: String) throws {
    let wishes = try Self.wishes(line)
    #expect {
      try Self.book().applied(wishes, to: Platform())
    } throws: { error in
      "\(error)".contains(says) && !"\(error)".contains("\n")
    }
  }

  @Test func `are read from a file, where each line is a setting or a remark`() throws {
    let text = """
      # Of our bank.
      identity.session_lifetime = 3600

        audit.keep_days=30
      """
    let wishes = try SettingWish.all(in: text, from: "bank.settings")
    #expect(wishes.map(\.name) == ["identity.session_lifetime", "audit.keep_days"])
    #expect(wishes.map(\.text) == ["3600", "30"])
    #expect(wishes.map(\.from) == ["bank.settings:2", "bank.settings:4"])
    for line in ["session_lifetime=1", "identity.session_lifetime", "="] {
      #expect(throws: SettingRefusal.self) { try SettingWish.all(in: line, from: "f") }
    }
  }

  /// One line of the table in `Docs/settings.md`.
  static func row(_ line: SettingsBook.Line) -> String {
    "| `\(line.name)` | \(line.usual) | \(line.range) | \(line.summary) |"
  }

  @Test func `stand in their document, each as it is declared, and nothing else does`() throws {
    let page = try `A new service`.text("Docs/settings.md")
    let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `") }.map(String.init)
    let declared = try Self.book().lines(of: Platform()).map(Self.row)
    #expect(declared.count > 8)
    #expect(
      rows == declared, "Docs/settings.md has the table:\n\(declared.joined(separator: "\n"))")
  }
}
