import AuditAPI
import Chassis
import Synchronization
import Testing
import Vocabulary

@Suite struct `The delivery of audit records` {
  private func record(_ number: UInt128) throws -> AuditRecord {
    let at = Instant(seconds: 1_795_262_400)
    return AuditRecord(
      id: AuditRecordID(at: at, random: number), at: at, service: "payments", kind: .access,
      correlation: try #require(CorrelationID(bits: number)), caller: "gateway", subject: nil,
      client: nil,
      operation: "createPayment", outcome: AuditRecord.allowed, reason: nil)
  }

  @Test func `does not let one record that is wrong keep the others from the log`() async throws {
    let records = try (1...5).map { try record($0) }
    let wrong = records[2].id
    let log = Mutex<[AuditRecordID]>([])
    let refused = try await AuditDelivery.deliver(records, named: \.id.description) { batch in
      guard !batch.contains(where: { $0.id == wrong }) else {
        throw Problem("invalid-record", 422, "This record is not one")
      }
      log.withLock { $0 += batch.map(\.id) }
    }
    #expect(refused == [wrong.description])
    #expect(log.withLock { $0 } == records.map(\.id).filter { $0 != wrong })
  }

  @Test(arguments: [401, 403, 404, 429, 500, 503])
  func `keeps everything for later when the receiver is not itself`(status: Int) async throws {
    await #expect(throws: Problem.self) {
      _ = try await AuditDelivery.deliver([record(1), record(2)], named: \.id.description) { _ in
        throw Problem("not-now", status, "Not now")
      }
    }
  }
}
