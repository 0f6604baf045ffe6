import AuditAPI
package import Chassis
import Foundation
import StrictJSON
package import Telemetry
import Transport
package import Vocabulary

/// Writes what the guard found into the launcher's log, and into the audit log as the operator's:
/// the launcher is the operator's program, attested as such, and has no other identity. Records wait
/// on disk until the audit service takes them, over a restart of the platform too.
package actor GuardJournal {
  /// Records that wait; beyond, the newest are in the launcher's log only.
  package static let waitingMax = 500
  /// Pause before the audit service is asked again.
  static let retryPause: Duration = .milliseconds(500)
  /// What an unauthorised change is called in the audit log.
  package static let operation = "changePinnedFile"
  /// What a newer signed version of the access policies is called there.
  package static let publishing = "publishPolicy"

  private let home: Home
  private let line: OperatorLine
  private let log: Log
  private let clock: Clock
  private let randomness: Randomness
  private var waiting: [AuditRecord]
  private var delivering: Task<Void, Never>?

  /// Goes on with what an earlier launcher left.
  package init(home: Home, line: OperatorLine, log: Log, clock: Clock, randomness: Randomness) {
    self.home = home
    self.line = line
    self.log = log
    self.clock = clock
    self.randomness = randomness
    let bytes = (try? WholeFile.read(Self.file(of: home))) ?? nil
    waiting = bytes.flatMap { try? StrictJSON.decode([AuditRecord].self, from: $0) } ?? []
  }

  private static func file(of home: Home) -> String { "\(home.knownGoodFolder)/unrecorded.json" }

  /// Delivers what an earlier launcher left.
  package func resume() { if !waiting.isEmpty { deliver() } }

  package func note(_ event: PinEvent) {
    let log = log.with(correlation: event.correlation, operation: Self.operation)
    let fields: [String: LogValue] = [
      "file": .id(event.file), "fault": .id(event.fault), "evidence": .id(event.evidence ?? "-"),
    ]
    switch event.outcome {
    case .reverted: log.warning("a pinned file was changed, and is put back", fields)
    case .removed: log.warning("a foreign file was dropped, and is taken away", fields)
    case .unreverted: log.error("a file is not as pinned, and cannot be put back", fields)
    case .adopted: log.warning("settings were changed while nothing ran, and are in force", fields)
    case .published: log.info("access policies were published", fields)
    }
    guard waiting.count < Self.waitingMax else { return }
    waiting.append(record(of: event))
    keep()
    deliver()
  }

  private func record(of event: PinEvent) -> AuditRecord {
    var detail = ["file": event.file, "by": "launcher"]
    detail["pinned_sha256"] = event.pinned
    detail["found_sha256"] = event.found
    detail["evidence"] = event.evidence
    return AuditRecord(
      id: AuditRecordID(at: event.at, random: randomness.bits128()), at: event.at,
      service: "operator", kind: .platform, correlation: event.correlation, caller: "operator",
      operation: event.outcome == .published ? Self.publishing : Self.operation,
      outcome: event.outcome.rawValue, reason: event.outcome == .published ? nil : event.fault,
      detail: detail)
  }

  /// What cannot be kept on disk is still delivered from memory.
  private func keep() {
    let file = Self.file(of: home)
    guard !waiting.isEmpty else {
      unlink(file)
      return
    }
    guard let bytes = try? StrictJSON.encode(waiting) else { return }
    try? WholeFile.write(bytes, to: file)
  }

  private func deliver() {
    guard delivering == nil else { return }
    delivering = Task {
      while !waiting.isEmpty, !Task.isCancelled {
        let batch = Array(waiting.prefix(AuditOperations.recordsMax))
        if await isTaken(batch) {
          waiting.removeFirst(batch.count)
          keep()
        } else {
          try? await Task.sleep(for: Self.retryPause)
        }
      }
      delivering = nil
    }
  }

  private func isTaken(_ batch: [AuditRecord]) async -> Bool {
    guard let body = try? StrictJSON.encode(AppendRecords(records: batch)),
      let correlation = batch.first?.correlation
    else { return false }
    let append = AuditOperations.appendRecords
    let answer = try? await line.send(
      append.method, append.path, to: append.service,
      headers: [Header.correlation: "\(correlation)", "content-type": "application/json"],
      body: body)
    guard let status = answer?.status else { return false }
    // One that is refused would be refused for ever, and keep those behind it from the log.
    if status == 400 { log.error("the audit service refuses a record of the guard") }
    return status == 200 || status == 400
  }

  /// The rest waits on disk for the next launcher.
  /// - Parameter limit: how long to wait for those that are under way.
  package func finish(within limit: Duration) async {
    let end = clock.now() + limit
    while !waiting.isEmpty, clock.now() < end { try? await Task.sleep(for: .milliseconds(20)) }
    delivering?.cancel()
  }
}
