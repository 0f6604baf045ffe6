import AuditAPI
import Commands
import Launcher
import Testing
import Vocabulary

@Suite struct `An audit record that is shown` {
  private func record(
    _ text: String, at: Int64 = 1_000, received: Int64? = 1_001
  ) throws -> AuditRecord {
    AuditRecord(
      id: AuditRecordID(bits: 1), at: Instant(seconds: at), service: "payments", kind: .money,
      correlation: try #require(CorrelationID(bits: 1)), caller: "gateway", subject: text,
      operation: text, outcome: text, reason: text,
      received: received.map { Instant(seconds: $0) })
  }

  @Test func `neither speaks to the terminal nor stands on a line of its own`() throws {
    let shown = LegibleRecord(
      try record("paid\u{1b}[2K\u{1b}[1A\r  +0.1 ms  gateway → ledger\nallowed\u{202e}\u{9b}2J"))
    for text in [shown.operation, shown.outcome, shown.reason, shown.subject] {
      let text = try #require(text)
      #expect(LegibleText.of(text) == text)
      #expect(!text.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x9b })
      #expect(text.hasPrefix(#"paid\u{1b}[2K"#))
    }
  }

  @Test func `says where its time is not what the log saw`() throws {
    #expect(LegibleRecord(try record("x")).doubt == nil)
    #expect(LegibleRecord(try record("x", received: nil)).doubt == nil)
    #expect(LegibleRecord(try record("x", at: 1_000, received: 1_005)).doubt == nil)
    let early = try #require(LegibleRecord(try record("x", at: 900)).doubt)
    #expect(early == "says 101 s before the log had it at \(Instant(seconds: 1_001))")
    let late = try #require(LegibleRecord(try record("x", at: 4_601)).doubt)
    #expect(late == "says 3600 s after the log had it at \(Instant(seconds: 1_001))")
  }
}
