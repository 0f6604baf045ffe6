package import Charters
package import Chassis
import Storage
import StoragePostgres
import Vocabulary

/// What somebody wants a setting to be: `identity.session_hours=4`.
package struct SettingWish: Hashable, Sendable {
  /// `SERVICE.NAME`, or `platform.NAME`.
  package let name: String
  /// Empty: the default again.
  package let text: String
  /// Where it was said, for people.
  package let from: String

  package init(_ name: String, _ text: String, from: String) {
    (self.name, self.text, self.from) = (name, text, from)
  }

  /// - Parameter line: `NAME=VALUE`, with spaces around both.
  /// - Throws: `SettingRefusal`.
  package init(line: some StringProtocol, from: String) throws(SettingRefusal) {
    let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      .map { $0.drop { $0 == " " } }.map { String($0.reversed().drop { $0 == " " }.reversed()) }
    guard parts.count == 2, parts[0].contains(".") else {
      throw SettingRefusal(
        "'\(line)' is no setting (\(from))", hint: "write SERVICE.NAME=VALUE")
    }
    self.init(parts[0], parts[1], from: from)
  }

  /// The wishes of a settings file: one a line; what begins with `#` is for people.
  package static func all(in text: String, from file: String) throws(SettingRefusal)
    -> [SettingWish]
  {
    var wishes: [SettingWish] = []
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      let words = line.drop { $0 == " " || $0 == "\t" }
      guard !words.isEmpty, !words.hasPrefix("#") else { continue }
      wishes.append(try SettingWish(line: words, from: "\(file):\(index + 1)"))
    }
    return wishes
  }
}

/// Why a wish cannot come true: one line, and what to do.
package struct SettingRefusal: Error, Hashable, Sendable, CustomStringConvertible {
  package let reason: String
  package let hint: String
  package init(_ reason: String, hint: String) { (self.reason, self.hint) = (reason, hint) }
  package var description: String { "\(reason): \(hint)" }
}

/// All settings of a platform: what the charters declare, what the platform itself has, and where services keep their stores. Pure.
package struct SettingsBook: Sendable {
  /// One setting as it is.
  package struct Line: Hashable, Sendable {
    package let name: String
    /// In the unit; a store's location as it is written.
    package let value: String
    package let usual: String
    package let range: String
    package let summary: String
    /// Where it was said; nil: nobody did.
    package let from: String?
  }

  private let charters: CharterSet

  package init(_ charters: CharterSet) { self.charters = charters }

  /// The platform with all wishes applied, the later ones over the earlier.
  /// - Throws: `SettingRefusal` for the first that names nothing or is out of range.
  package func applied(
    _ wishes: [SettingWish], to platform: Platform
  ) throws(SettingRefusal) -> Platform {
    var platform = platform
    for wish in wishes { try apply(wish, to: &platform) }
    return platform
  }

  private func apply(_ wish: SettingWish, to platform: inout Platform) throws(SettingRefusal) {
    if let own = PlatformSetting.all.first(where: { wish.name == "platform.\($0.setting.name)" }) {
      let value = wish.text.isEmpty ? own.setting.value : try number(wish, own.setting)
      own.set(value, &platform)
    } else if let service = placed(wish.name) {
      guard !wish.text.isEmpty else {
        throw SettingRefusal(
          "\(wish.name) cannot be taken back (\(wish.from))", hint: "its store is on that server")
      }
      do throws(PostgresLocation.Fault) {
        platform.place(StoreServer(try PostgresLocation(parsing: wish.text)), for: service)
      } catch {
        // Not the text: a password may be in it.
        throw SettingRefusal("\(wish.name) (\(wish.from))", hint: "\(error)")
      }
    } else if let setting = declared(wish.name) {
      var chosen = platform.settings ?? [:]
      chosen[wish.name] = wish.text.isEmpty ? nil : try choice(wish, setting)
      platform.settings = chosen.isEmpty ? nil : chosen
    } else if wish.text.isEmpty, platform.settings?[wish.name] != nil {
      // Of a version that had it.
      platform.settings?[wish.name] = nil
    } else {
      let near = nearest(to: wish.name, among: lines(of: Platform()).map(\.name))
      throw SettingRefusal(
        "there is no setting '\(wish.name)' (\(wish.from))",
        hint: near.map { "did you mean '\($0)'?" } ?? "'strongroom settings' lists them")
    }
  }

  private func choice(
    _ wish: SettingWish, _ setting: CharterSetting
  ) throws(SettingRefusal) -> ChosenSetting {
    guard !setting.isNumber else {
      return ChosenSetting(value: try number(wish, setting), from: wish.from)
    }
    guard setting.allows(wish.text) else {
      throw SettingRefusal(
        "\(wish.name) cannot be '\(wish.text)' (\(wish.from))",
        hint: "\(setting.rangeText); the default is \(setting.word)")
    }
    return ChosenSetting(word: wish.text, from: wish.from)
  }

  private func number(
    _ wish: SettingWish, _ setting: CharterSetting
  ) throws(SettingRefusal) -> Int {
    let isPlain = wish.text.allSatisfy(\.isNumber) && wish.text.utf8.count <= 15
    guard isPlain, let value = Int(wish.text), setting.range.contains(value) else {
      throw SettingRefusal(
        "\(wish.name) cannot be '\(wish.text)' (\(wish.from))",
        hint: "a whole number, \(setting.rangeText); the default is \(setting.value)")
    }
    return value
  }

  /// The service whose store is meant, where it may be on a server.
  private func placed(_ name: String) -> ServiceName? {
    charters.charters.first { "\($0.service).database" == name && $0.store.server == .allowed }?
      .service
  }

  private func declared(_ name: String) -> CharterSetting? {
    for charter in charters.charters {
      if let setting = charter.settings.first(where: { "\(charter.service).\($0.name)" == name }) {
        return setting
      }
    }
    return nil
  }

  /// All of them by name, the platform's first.
  package func lines(of platform: Platform) -> [Line] {
    let own = PlatformSetting.all.map { own in
      let (value, usual) = (own.get(platform), own.setting.value)
      return Line(
        name: "platform.\(own.setting.name)", value: "\(value)", usual: "\(usual)",
        range: own.setting.rangeText, summary: own.setting.summary,
        from: value == usual ? nil : "an earlier 'up'")
    }
    return own + charters.charters.flatMap { lines(of: $0, in: platform) }
  }

  private func lines(of charter: Charter, in platform: Platform) -> [Line] {
    var lines: [Line] = charter.settings.sorted { $0.name < $1.name }.map { setting in
      let name = "\(charter.service).\(setting.name)"
      let chosen = platform.settings?[name]
      return Line(
        name: name,
        value: chosen.map { $0.word ?? "\($0.value)" } ?? setting.usualText,
        usual: setting.usualText, range: setting.rangeText, summary: setting.summary,
        from: chosen?.from)
    }
    if charter.store.server == .allowed {
      let place = platform.storeServer(of: charter.service)?.location.description
      lines.insert(
        Line(
          name: "\(charter.service).database", value: place ?? "a file", usual: "a file",
          range: "postgresql://USER@HOST/DATABASE?passfile=FILE", summary: "Where its store is",
          from: place == nil ? nil : "an earlier 'up'"), at: 0)
    }
    return lines
  }
}

/// What the platform has for all services together, with its place in `platform.json`.
struct PlatformSetting: Sendable {
  let setting: CharterSetting
  let get: @Sendable (Platform) -> Int
  let set: @Sendable (Int, inout Platform) -> Void

  static let all = [
    PlatformSetting(
      setting: CharterSetting(
        "disk_reserve_mib", .mebibytes, in: 0...1_048_576, default: 0,
        "Room that each service keeps on its disk to finish what was begun; 0: 256 or less"),
      get: { $0.diskReserveMiB ?? 0 }, set: { $1.diskReserveMiB = $0 == 0 ? nil : $0 }),
    PlatformSetting(
      setting: CharterSetting(
        "limits_factor", .count, in: 1...1_000_000, default: 1,
        "Multiplies the door's rate limits, for load tests"),
      get: { $0.limitsFactor }, set: { $1.limitsFactor = $0 }),
    PlatformSetting(
      setting: CharterSetting(
        "policy_stale_seconds", .seconds, in: 1...86_400, default: 300,
        "How long access policies decide that nobody confirms any more"),
      get: { $0.policyStaleSeconds ?? 300 },
      set: { $1.policyStaleSeconds = $0 == 300 ? nil : $0 }),
    PlatformSetting(
      setting: CharterSetting(
        "svid_seconds", .seconds, in: 60...3_600, default: 3_600,
        "How long a workload's certificate is valid; it is replaced at half of that"),
      get: { $0.svidSeconds }, set: { $1.svidSeconds = $0 }),
  ]
}
