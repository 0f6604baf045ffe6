import Foundation
import TestKit
import Testing

@Suite(.serialized) struct `A platform whose root key is sealed under a passphrase` {
  private let passphrase = "correct horse battery staple"

  private func file(_ text: String, _ platform: RunningPlatform) throws -> String {
    let path = NSTemporaryDirectory() + "passphrase-\(UUID().uuidString)"
    _ = FileManager.default.createFile(
      atPath: path, contents: Data((text + "\n").utf8), attributes: [.posixPermissions: 0o600])
    return path
  }

  @Test func `starts with it and not without, and its authority comes back after a death`()
    async throws
  {
    let platform = try RunningPlatform()
    let (right, wrong) = (try file(passphrase, platform), try file("another passphrase", platform))
    defer { for path in [right, wrong] { try? FileManager.default.removeItem(atPath: path) } }
    do {
      let up = try await platform.up(["--no-demo", "--root-key-passphrase-file", right])
      try #require(up.exitCode == 0, "\(up.output)")
      let keys = platform.home + "/keys"
      #expect(try FileManager.default.contentsOfDirectory(atPath: keys) == ["root.key.sealed"])
      try expectNowhere(platform)

      let first = try #require(try platform.pid(of: "authority"))
      #expect(kill(first, SIGKILL) == 0)
      let second = try #require(try await platform.pid(of: "authority", otherThan: first))
      #expect(try await isReady(platform))
      #expect(second != first)
      try await platform.command("down")

      let without = try await platform.command("up", "--no-demo")
      #expect(without.exitCode == 66 && without.output.contains("sealed under a passphrase"))
      let refused = try await platform.command(
        "up", "--no-demo", "--root-key-passphrase-file", wrong)
      #expect(refused.exitCode == 77, "\(refused.output)")
      #expect(refused.output.contains("this is not the passphrase"))
      #expect(refused.output.split(separator: "\n").count == 1, "\(refused.output)")

      // Laid open and sealed again it is the same key: all that was sealed opens.
      let opened = try await platform.command("root-key", "unprotect", "--passphrase-file", right)
      #expect(opened.exitCode == 0, "\(opened.output)")
      try await platform.resume()
      let busy = try await platform.command("root-key", "protect", "--passphrase-file", right)
      #expect(busy.exitCode == 75, "\(busy.output)")
      try await platform.command("down")
      let sealed = try await platform.command("root-key", "protect", "--passphrase-file", right)
      #expect(sealed.exitCode == 0, "\(sealed.output)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: keys) == ["root.key.sealed"])
      let again = try await platform.command(
        "up", "--no-demo", "--root-key-passphrase-file", right)
      #expect(again.exitCode == 0, "\(again.output)")
    } catch {
      await platform.down()
      throw error
    }
    await platform.down()
  }

  private func isReady(_ platform: RunningPlatform) async throws -> Bool {
    for _ in 0..<60 {
      let status = try await platform.command("status", "--json")
      if status.exitCode == 0 { return true }
      try await Task.sleep(for: .milliseconds(500))
    }
    return false
  }

  /// Neither in an argument nor in a variable of any process, nor in a log.
  private func expectNowhere(_ platform: RunningPlatform) throws {
    var seen = 0
    for pid in try FileManager.default.contentsOfDirectory(atPath: "/proc") where Int(pid) != nil {
      guard let words = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline"),
        words.range(of: Data(platform.home.utf8)) != nil
      else { continue }
      seen += 1
      let environment = FileManager.default.contents(atPath: "/proc/\(pid)/environ") ?? Data()
      #expect((words + environment).range(of: Data(passphrase.utf8)) == nil)
    }
    #expect(seen > 5, "the launcher and its services")
    let logs = platform.home + "/log"
    for name in try FileManager.default.contentsOfDirectory(atPath: logs) {
      let text = FileManager.default.contents(atPath: "\(logs)/\(name)") ?? Data()
      #expect(text.range(of: Data(passphrase.utf8)) == nil)
    }
  }
}
