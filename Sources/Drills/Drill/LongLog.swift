import Audit
import AuditAPI
import Authority
package import Chassis
import Foundation
import Glibc
import MerkleLog
import Sandbox
import Storage
package import Vocabulary

/// Makes a log long, as years of payments would, so that what costs more on a longer one can be measured.
package struct LongLog: Sendable {
  /// Records in one batch.
  private static let batch = 1_800
  /// Records of one payment.
  private static let perPayment = 9

  private let home: Home
  private let clock: Clock
  private let randomness: Randomness

  /// - Parameter home: of a platform that is down.
  package init(home: Home, clock: Clock, randomness: Randomness) {
    self.home = home
    self.clock = clock
    self.randomness = randomness
  }

  /// Adds records through the real store and writer, signed with the log's own key.
  /// - Parameter progress: told after each batch.
  /// - Returns: the size of the log.
  /// - Throws: `StoreError.inUse` where the platform runs; `LogFault`; what reading the root key throws.
  package func grow(
    by count: Int, progress: (_ records: UInt64, _ of: UInt64) -> Void
  ) async throws -> UInt64 {
    let platform = try Platform.load(from: home)
    let keys = try await StolenKeys.take(
      from: home, trustDomain: platform.trustDomain, clock: clock, randomness: randomness)
    let store = try Store.open(
      path: home.storeFile(of: "audit"), migrations: AuditStore.migrations, clock: clock)
    defer {
      store.close()
      giveBack()
    }
    let folder = try LogFolder(home.dataFolder(of: "audit") + "/log")
    let records = AuditStore(store, log: folder.files)
    let signer = try await CheckpointKey.load(
      origin: "\(platform.trustDomain)/audit", store: records,
      keyring: try keys.keyring(of: "audit"), randomness: randomness, now: clock.now())
    let published = PublishedLog()
    let writer = LogWriter(
      store: records, folder: folder, signer: signer, published: published, partialsStay: .zero)
    try await writer.recover()
    try await writer.publish()
    var added = 0
    while added < count {
      let now = clock.now()
      let some = try payments(min(Self.batch, count - added), from: added, at: now)
      _ = try await records.append(some, at: now)
      try await writer.publish()
      added += some.count
      progress(UInt64(added), UInt64(count))
    }
    return published.statement?.checkpoint.size ?? 0
  }

  /// What root wrote into the service's folder is the service's.
  private func giveBack() {
    let folder = home.dataFolder(of: "audit")
    guard geteuid() == 0, let facts = FileFacts(at: folder), facts.user != 0 else { return }
    for case let name as String in FileManager.default.enumerator(atPath: folder) ?? .init() {
      _ = lchown("\(folder)/\(name)", facts.user, facts.group)
    }
  }

  /// Records as long and as various as those of payments.
  private func payments(
    _ count: Int, from first: Int, at now: Instant
  ) throws -> [PreparedRecord] {
    var made: [PreparedRecord] = []
    var subject = ""
    var payment = ""
    var correlation: CorrelationID?
    for number in 0..<count {
      if number % Self.perPayment == 0 || correlation == nil {
        subject = PersonID(bits: randomness.bits128()).description
        payment = PaymentID(bits: randomness.bits128()).description
        correlation = CorrelationID(bits: randomness.bits128() | 1)
      }
      guard let correlation else { continue }
      let isMoney = number % 2 == 1
      let record = AuditRecord(
        id: AuditRecordID(at: now, random: randomness.bits128()), at: now,
        service: number % 3 == 0 ? "payments" : "ledger", kind: isMoney ? .money : .access,
        correlation: correlation, caller: number % 3 == 0 ? "gateway" : "payments",
        subject: subject, client: "demo", operation: isMoney ? "createHold" : "createPayment",
        outcome: isMoney ? "held" : AuditRecord.allowed,
        detail: isMoney
          ? [
            "payment": payment, "currency": "EUR",
            "amount_minor_units": "\((first + number) % 9_999)",
          ]
          : [:])
      made.append(PreparedRecord(record, received: now))
    }
    return made
  }
}
