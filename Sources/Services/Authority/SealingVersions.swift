import AuditAPI
import Chassis
import Sealing
import Storage
package import Vocabulary

/// Versions of services' sealing keys: made, given out, retired. Their keys are derived and stored nowhere.
extension AuthorityStore {
  /// The versions that a service may still need, oldest first; the first of all is made on the first question.
  func sealingVersions(of service: ServiceName, at now: Instant) async throws -> [Int] {
    try await store.write { transaction in
      let kept = try Self.kept(of: service, transaction)
      guard kept.isEmpty else { return kept }
      try Self.add(1, to: service, transaction, at: now)
      return [1]
    }
  }

  /// The version with which a service is to seal; nil before it has asked for its keys.
  func newestSealingVersion(of service: ServiceName) async throws -> Int? {
    try await store.read { snapshot in
      try snapshot.row(
        "SELECT MAX(version) AS newest FROM sealing_versions WHERE service = ?", [.id(service)]
      )?.optionalInteger("newest").map { Int($0) }
    }
  }

  /// Adds a version.
  /// - Throws: `SealingVersionRefusal`.
  func rotateSealing(of service: ServiceName, at now: Instant) async throws -> Int {
    try await store.write { transaction in
      let kept = try Self.kept(of: service, transaction)
      guard kept.count < SealingLimits.versionsKeptMax else {
        throw SealingVersionRefusal.tooMany(of: service)
      }
      // Versions only retire below the newest, so the newest is always among the kept.
      let next = (kept.last ?? 0) + 1
      guard UInt32(exactly: next) != nil else { throw SealingVersionRefusal.numbersSpent }
      try Self.add(next, to: service, transaction, at: now)
      return next
    }
  }

  /// Takes a service's word on what it still holds: what is older than the version that it seals with, and seals nothing
  /// any more, is retired; what was retired and is named, as by a store from an old backup, is given out again.
  /// - Parameter record: makes the audit record of a change from its outcome and the versions concerned.
  /// - Returns: the versions that are given out from now on, oldest first.
  /// - Throws: `SealingVersionRefusal.unknown` for a version that was never made.
  func settleSealing(
    of service: ServiceName, current: Int, inUse: Set<Int>, at now: Instant,
    record: @escaping @Sendable (_ outcome: String, _ versions: [Int]) -> AuditRecord
  ) async throws -> [Int] {
    try await store.write { transaction in
      let rows = try transaction.rows(
        "SELECT version, retired_at FROM sealing_versions WHERE service = ? ORDER BY version",
        [.id(service)])
      let made = try rows.map { Int(try $0.integer("version")) }
      guard inUse.union([current]).isSubset(of: made) else { throw SealingVersionRefusal.unknown }
      let gone = Set(
        try rows.filter { try $0.optionalInteger("retired_at") != nil }
          .map { Int(try $0.integer("version")) })
      let change = SealingSettlement(made: made, retired: gone, current: current, inUse: inUse)
      for version in change.retired {
        try transaction.execute(
          "UPDATE sealing_versions SET retired_at = ? WHERE service = ? AND version = ?",
          [.integer(now.nanoseconds), .id(service), .count(version)])
      }
      for version in change.takenBack {
        try transaction.execute(
          "UPDATE sealing_versions SET retired_at = NULL WHERE service = ? AND version = ?",
          [.id(service), .count(version)])
      }
      for (outcome, versions) in [("retired", change.retired), ("taken-back", change.takenBack)]
      where !versions.isEmpty {
        transaction.append(OutboxMessage(record(outcome, versions)))
      }
      return change.kept
    }
  }

  /// A service's key: derived, never stored, different for every service and version.
  func sealingKey(of service: ServiceName, version: Int) throws -> [UInt8] {
    try Self.sealingKey(of: service, version: version, from: sealing)
  }

  static func sealingKey(
    of service: ServiceName, version: Int, from root: Keyring
  ) throws -> [UInt8] {
    try root.subkey(label: "sealing/\(service)/\(version)", version: 1).withBytes { Array($0) }
  }

  /// Every version of each service's sealing keys that was ever made, oldest first: who has the root key has them all.
  func sealingVersions() async throws -> [String: [Int]] {
    let rows = try await store.read {
      try $0.rows("SELECT service, version FROM sealing_versions ORDER BY service, version")
    }
    return try rows.reduce(into: [:]) {
      $0[try $1.text("service"), default: []].append(Int(try $1.integer("version")))
    }
  }

  private static func kept(of service: ServiceName, _ transaction: Transaction) throws -> [Int] {
    try transaction.rows(
      """
      SELECT version FROM sealing_versions WHERE service = ? AND retired_at IS NULL
      ORDER BY version
      """, [.id(service)]
    ).map { Int(try $0.integer("version")) }
  }

  private static func add(
    _ version: Int, to service: ServiceName, _ transaction: Transaction, at now: Instant
  ) throws {
    _ = try transaction.execute(
      "INSERT INTO sealing_versions (service, version, created_at) VALUES (?, ?, ?)",
      [.id(service), .count(version), .integer(now.nanoseconds)])
  }
}

/// What follows from a service's word on its sealed fields. Pure.
package struct SealingSettlement: Equatable, Sendable {
  /// Given out until now, and not from now on.
  package let retired: [Int]
  /// The other way round.
  package let takenBack: [Int]
  /// Given out from now on, oldest first.
  package let kept: [Int]

  /// - Parameters:
  ///   - made: all versions of the service, oldest first.
  ///   - retired: those of them that are not given out.
  ///   - current: with which the service seals. What is newer it does not know yet, so it stays.
  ///   - inUse: under which something of the service is sealed.
  package init(made: [Int], retired: Set<Int>, current: Int, inUse: Set<Int>) {
    let needed = made.filter { $0 >= current || inUse.contains($0) }
    kept = needed
    self.retired = made.filter { !retired.contains($0) && !needed.contains($0) }
    takenBack = needed.filter { retired.contains($0) }
  }
}

/// Why a service's sealing keys stay as they are.
package enum SealingVersionRefusal: Refusal, Hashable {
  /// As many versions are kept as may be.
  case tooMany(of: ServiceName)
  /// The next number is none that a sealed field could name (beyond 2^32 - 1).
  case numbersSpent
  /// A service named a version that was never made.
  case unknown

  package var problem: Problem {
    switch self {
    case .tooMany(let service):
      Problem(
        "too-many-versions", 409, "The service has as many key versions as it may", kind: .busy,
        detail:
          "\(SealingLimits.versionsKeptMax) versions are kept. While \(service) runs it seals anew what is "
          + "under the old ones, and they are retired by themselves: try again in some minutes",
        retryAfterSeconds: 60)
    case .numbersSpent:
      Problem("versions-spent", 409, "The service has no further number for a key version")
    case .unknown:
      Problem(
        "unknown-version", 409, "There is no such version of the caller's key",
        detail: "the authority's store is older than the caller's: restore both from one backup")
    }
  }
}
