package import AuditAPI
import Crypto
import GatewayAPI
import Synchronization
package import Vocabulary

/// Holds the tallies of this minute, and makes records of them: of what was refused, and of what strangers were let in for on
/// routes that are open to everybody (the pages of the sign-in). A class: all event loops count in the same one.
///
/// What is counted lies in memory for a minute at the most; a gateway that is killed takes it along. Whatever is done for somebody
/// with a token is on record before it is answered, and a sign-in is in identity's own records.
package final class RefusalCounter: Sendable {
  /// How long one tally runs.
  package static let minute: Duration = .seconds(60)

  private let refused = Mutex(RefusalTally())
  /// By operation.
  private let letIn = Mutex(RefusalTally())
  private let key: SymmetricKey
  private let clock: Clock
  private let randomness: Randomness
  private let recordsAll: Bool

  /// - Parameter recordsAll: nothing is counted, for a test of the drill.
  package init(clock: Clock, randomness: Randomness, recordsAll: Bool = false) {
    self.recordsAll = recordsAll
    key = SymmetricKey(data: randomness.bytes(32))
    self.clock = clock
    self.randomness = randomness
  }

  /// As `RefusalTally.note`.
  package func note(_ party: RefusedParty, _ kind: String, _ most: RefusalTally.Whole) -> Bool {
    recordsAll || refused.withLock { $0.note(party, kind, most) }
  }

  /// The same of a request that a stranger is let in for.
  package func note(letIn place: String, _ operation: String) -> Bool {
    recordsAll || letIn.withLock { $0.note(.place(place), operation, .shown) }
  }

  /// What stands for an address in records, which hold no personal data: the same for the same address (IPv6: for one /64)
  /// as long as this process runs.
  package func place(of source: Source) -> String {
    let code = HMAC<SHA256>.authenticationCode(for: Array(source.key.utf8), using: key)
    return hexText(Array(code.prefix(8)))
  }

  /// The records of the minute that ends now.
  package func close() -> [AuditRecord] {
    let now = clock.now()
    return refused.withLock { $0.close() }.map { record(of: $0, isRefused: true, at: now) }
      + letIn.withLock { $0.close() }.map { record(of: $0, isRefused: false, at: now) }
  }

  private func record(
    of count: RefusalTally.Count, isRefused: Bool, at now: Instant
  ) -> AuditRecord {
    var detail = ["count": "\(count.count)", "seconds": "\(Self.minute.milliseconds / 1_000)"]
    var (subject, client): (String?, String?) = (nil, nil)
    switch count.party {
    case .place(let place): detail["place"] = place
    case .subject(let who, let through): (subject, client) = (who, through)
    case nil: detail["place"] = "others"
    }
    // Zero comes once in 2^128 draws; one is as good.
    let correlation = CorrelationID(bits: randomness.bits128() | 1).unsafelyUnwrapped
    return AuditRecord(
      id: AuditRecordID(at: now, random: randomness.bits128()), at: now,
      service: GatewayAPI.service, kind: .access, correlation: correlation,
      caller: GatewayAPI.service, subject: subject, client: client,
      operation: isRefused ? "countRefusals" : count.kind,
      outcome: isRefused ? AuditRecord.refused : AuditRecord.allowed,
      reason: isRefused ? count.kind : nil, detail: detail)
  }
}
