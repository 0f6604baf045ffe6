import Chassis
import Launcher
import Sandbox
import StrictJSON
import Vocabulary

/// How a service is held: what its stage made sure of, held against what the kernel says now.
struct ConfinementStanding: Sendable, Hashable {
  /// Nil: the launcher left it free.
  let hold: Hold?
  /// What the record claims and the kernel denies.
  let contradictions: [String]

  /// - Parameter addressesAreHeld: whether the kernel has the platform's address rules.
  init(_ record: LaunchRecord, of unit: Unit, in home: Home, addressesAreHeld: Bool) {
    hold = HoldRecord.read(unit, in: home)
    guard let hold, let pid = record.pid else {
      contradictions = []
      return
    }
    // A process that ended meanwhile contradicts nothing.
    let isFree = hold.held.contains(.addresses) && !addressesAreHeld
    contradictions =
      (ProcessHold.of(pid)?.contradictions(of: hold) ?? [])
      + (isFree ? ["no rules keep it from outside addresses"] : [])
  }

  var json: JSON {
    guard let hold else { return .object(["held": .array([])]) }
    return .object([
      "held": .array(hold.held.map { .string($0.rawValue) }),
      "landlock_abi": .integer(Int64(hold.landlock)),
      "missing": .object(
        Dictionary(
          hold.missing.map { ($0.measure.rawValue, JSON.string($0.reason)) },
          uniquingKeysWith: { $1 })),
      "contradictions": .array(contradictions.map { .string($0) }),
    ])
  }

  /// `confined: …` and `missing: …`, once where it is the same for all; then what does not fit.
  static func lines(_ services: [(ServiceName, ConfinementStanding?)]) -> [String] {
    let holds = services.compactMap { $0.1?.hold }
    var lines: [String] = []
    if let first = holds.first {
      let common = first.held.filter { measure in holds.allSatisfy { $0.held.contains(measure) } }
      lines.append("confined: " + common.map { word($0, first.landlock) }.joined(separator: ", "))
      let missing = first.missing.map(\.description)
      if !missing.isEmpty { lines.append("missing: " + missing.joined(separator: ", ")) }
    }
    for (service, standing) in services {
      guard let standing else { continue }
      if standing.hold == nil { lines.append("\(service) is not confined at all") }
      if !standing.contradictions.isEmpty {
        lines.append(
          "\(service) is not held as recorded: " + standing.contradictions.joined(separator: ", "))
      }
    }
    return lines
  }

  private static func word(_ measure: Measure, _ landlock: Int) -> String {
    measure == .files ? "\(measure.rawValue) (ABI \(landlock))" : measure.rawValue
  }
}
