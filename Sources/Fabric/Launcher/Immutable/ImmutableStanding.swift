package import Chassis
import Foundation
import Sandbox
import StrictJSON
package import Vocabulary

/// What the guard found, and what became of it.
package struct PinEvent: Hashable, Sendable, Codable {
  package enum Outcome: String, Sendable, Codable, CaseIterable {
    /// The known-good content, mode and owner are in force again.
    case reverted
    /// A foreign file lies in quarantine.
    case removed
    /// It could not be put back; nothing is started from it.
    case unreverted
    /// Settings that were changed while nothing ran: they are in force.
    case adopted
    /// Access policies that the organisation signed, newer than those before.
    case published
  }
  package let at: Instant
  /// Under which the audit log knows it.
  package let correlation: CorrelationID
  /// Below the home where it lies there.
  package let file: String
  /// A `PinFault`.
  package let fault: String
  package let outcome: Outcome
  /// Digests in lower-case hex, where there are any.
  package let pinned: String?
  package let found: String?
  /// The evidence's name in `HOME/quarantine`.
  package let evidence: String?

  /// Nil where the draw is not a correlation id.
  init?(
    _ path: String, _ fault: PinFault, _ outcome: Outcome, pinned: String?, found: String?,
    evidence: String?, in home: Home, at now: Instant, randomness: Randomness
  ) {
    guard let correlation = CorrelationID(bits: randomness.bits128()) else { return nil }
    // Whole microseconds, as they are written.
    at = Instant(nanoseconds: now.nanoseconds - now.nanoseconds % 1_000)
    self.correlation = correlation
    file = Self.short(path, in: home)
    self.fault = fault.rawValue
    self.outcome = outcome
    self.pinned = pinned
    self.found = found
    self.evidence = evidence
  }

  /// Below the home where it lies there.
  static func short(_ path: String, in home: Home) -> String {
    path.hasPrefix(home.path + "/") ? String(path.dropFirst(home.path.utf8.count + 1)) : path
  }
}

/// What `strongroom status` and the drill read about the guard: `HOME/known-good/standing.json`.
package struct ImmutableStanding: Hashable, Sendable, Codable {
  /// Events kept, the newest last.
  package static let recentMax = 16

  /// How many files are pinned.
  package let programs: Int
  package let charters: Int
  /// Files that are not as pinned and could not be put back.
  package var unreverted: [String] = []
  package var recent: [PinEvent] = []

  package init(_ pins: [Pin]) {
    programs = pins.count { $0.kind == .program }
    charters = pins.count { $0.kind == .charter }
  }

  static func file(of home: Home) -> String { "\(home.knownGoodFolder)/standing.json" }

  /// Nil where nothing is guarded.
  package static func read(in home: Home) -> ImmutableStanding? {
    guard let bytes = try? WholeFile.read(file(of: home)) else { return nil }
    return try? StrictJSON.decode(ImmutableStanding.self, from: bytes)
  }

  // Its time of change says when the guard looked last. Not in a folder that is watched.
  private static func lookFile(of home: Home) -> String { "\(home.launchFolder)/guard" }

  static func noteLook(in home: Home) {
    let file = lookFile(of: home)
    guard utimensat(AT_FDCWD, file, nil, AT_SYMLINK_NOFOLLOW) != 0, errno == ENOENT else { return }
    // Read by people only; a disk that is full must not keep the guard from its work.
    try? WholeFile.write([], to: file)
  }

  /// When the guard looked last, in whole seconds; nil where nothing is guarded.
  package static func lastLook(in home: Home) -> Instant? {
    FileFacts(at: lookFile(of: home)).map { Instant(seconds: $0.identity.changedSeconds) }
  }

  /// A guard that did not look for so long is stuck or gone.
  package static let lookMax: Duration = .seconds(15)

  func write(to home: Home) throws(LaunchFailure) {
    guard let bytes = try? StrictJSON.encode(self) else {
      throw .system(call: "encode the guard's standing", code: EINVAL)
    }
    try WholeFile.write(bytes, to: Self.file(of: home))
  }
}
