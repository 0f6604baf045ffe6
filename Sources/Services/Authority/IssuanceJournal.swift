import AuditAPI
import Chassis
import Synchronization
import Telemetry
import Vocabulary
import Workload
import WorkloadAPI

/// Writes down who got an identity and who did not, durable before the answer leaves. A class: it
/// counts what it wrote.
final class IssuanceJournal: Sendable {
  /// One process with one reason is recorded once in this time, however often it asks: whoever is
  /// refused must not be able to fill the log.
  static let refusalInterval: Duration = .seconds(60)
  /// Processes remembered for that; beyond, all are forgotten and recorded afresh.
  static let processesMax = 1_024

  private struct Refused: Hashable {
    let pid: Int32
    let reason: String
  }

  private let recorder: AccessRecorder
  private let clock: Clock
  private let randomness: Randomness
  private let recent = Mutex<[Refused: Instant]>([:])
  private let issuedCount: Counter
  private let refusedCount: Counter

  init(_ context: ServiceContext) {
    recorder = context.recorder
    clock = context.clock
    randomness = context.randomness
    issuedCount = context.metrics.counter(
      "authority_identities_issued_total", help: "X.509-SVIDs and JWT-SVIDs issued.")
    refusedCount = context.metrics.counter(
      "authority_attestations_refused_total",
      help: "Calls by processes that are not known, or ask too often.")
  }

  func issued(
    _ method: SpiffeWorkloadAPI.Method, to workload: Attestor.Workload, pid: Int32,
    until end: Instant
  ) async throws {
    issuedCount.add()
    try await write(
      method, caller: workload.service, outcome: "issued", reason: nil,
      detail: ["pid": "\(pid)", "until": end.description, "executable": workload.executable])
  }

  func refused(
    _ method: SpiffeWorkloadAPI.Method, _ peer: PeerCredentials, _ reason: String
  ) async throws {
    refusedCount.add()
    let now = clock.now()
    let isNew = recent.withLock { recent in
      let key = Refused(pid: peer.pid, reason: reason)
      if let last = recent[key], now - last < Self.refusalInterval { return false }
      if recent.count >= Self.processesMax { recent.removeAll() }
      recent[key] = now
      return true
    }
    guard isNew else { return }
    try await write(
      method, caller: "authority", outcome: AuditRecord.refused, reason: reason,
      detail: ["pid": "\(peer.pid)", "uid": "\(peer.uid)"])
  }

  private func write(
    _ method: SpiffeWorkloadAPI.Method, caller: ServiceName, outcome: String, reason: String?,
    detail: [String: String]
  ) async throws {
    let now = clock.now()
    guard let correlation = CorrelationID(bits: randomness.bits128()) else { throw Problem.defect }
    let operation = method.rawValue.split(separator: "/").last.map(String.init) ?? method.rawValue
    try await recorder.write(
      AuditRecord(
        id: AuditRecordID(at: now, random: randomness.bits128()), at: now, service: "authority",
        kind: .platform, correlation: correlation, caller: caller, operation: operation,
        outcome: outcome, reason: reason, detail: detail))
  }
}
