import AuditAPI
import Charters
import Launcher
import Testing
import Vocabulary

@Suite struct `The path of a transaction` {
  private func charters() throws -> CharterSet {
    func text(
      _ name: String, _ port: Int, _ offers: String, _ calls: String, role: String = ""
    ) -> CharterFile {
      CharterFile(
        name: "\(name).yaml",
        text: """
          {apiVersion: strongroom/v1, service: \(name), summary: Test., port: \(port),\(role)
           operations: [\(offers)], calls: [\(calls)],
           limits: {memory_mib: 64, open_files: 64, connections: 8}}
          """)
    }
    return try CharterSet.load([
      text("gateway", 7_100, "", "{service: payments, operations: [pay]}", role: " role: door,"),
      text(
        "payments", 7_105, "{id: pay, method: POST, path: /p, callers: [gateway]}",
        "{service: ledger, operations: [hold]}"),
      text(
        "ledger", 7_104,
        "{id: hold, method: POST, path: /h, callers: [payments]}, "
          + "{id: look, method: GET, path: /l, callers: [operator]}", ""),
      text("customers", 7_103, "{id: read, method: GET, path: /r, callers: [operator]}", ""),
      CharterFile(
        name: "operator.yaml",
        text: """
          {apiVersion: strongroom/v1, service: operator, summary: Test.,
           calls: [{service: ledger, operations: [look]}, {service: customers, operations: [read]}]}
          """),
    ])
  }

  private func record(
    _ caller: ServiceName, _ service: ServiceName, _ operation: String,
    kind: AuditRecord.Kind = .access, outcome: String = AuditRecord.allowed, received: Int64 = 1
  ) throws -> AuditRecord {
    AuditRecord(
      id: AuditRecordID(bits: 1), at: Instant(seconds: 1), service: service, kind: kind,
      correlation: try #require(CorrelationID(bits: 1)), caller: caller, operation: operation,
      outcome: outcome, received: Instant(seconds: received))
  }

  private func payment() throws -> [AuditRecord] {
    [
      // As they come into the log: the last hop first.
      try record("payments", "ledger", "hold"), try record("gateway", "payments", "pay"),
      try record("gateway", "gateway", "pay"),
    ]
  }

  @Test func `goes from the door by declared calls, in whatever order the records came`() throws {
    let path = TracePath(try payment(), in: try charters())
    #expect(path.services == ["gateway", "payments", "ledger"])
    #expect(path.beginning == "gateway")
    #expect(path.isOn(log: "ledger") && path.isOn(log: "ledger.program"))
    #expect(!path.isOn(log: "customers") && !path.isOn(log: "launcher") && !path.isOn(log: ""))
  }

  @Test func `does not lead to a service that only says so`() throws {
    let table: [(String, AuditRecord)] = [
      ("no charter declares the call", try record("payments", "customers", "read")),
      ("its caller is not on the path", try record("identity", "customers", "read")),
      ("it names itself", try record("customers", "customers", "read")),
      ("it says nothing of a caller", try record("customers", "customers", "moved", kind: .money)),
    ]
    for (why, claim) in table {
      let path = TracePath(try payment() + [claim], in: try charters())
      #expect(path.services == ["gateway", "payments", "ledger"], "\(why)")
      #expect(!path.leads(to: claim), "\(why)")
    }
    // A service on the path may not make a hop of what somebody else is said to have asked.
    let path = TracePath(try payment(), in: try charters())
    #expect(!path.leads(to: try record("customers", "ledger", "hold")))
    #expect(path.leads(to: try record("payments", "ledger", "posted", kind: .money)))
  }

  @Test func `leads to who refused somebody on it`() throws {
    let refusal = try record("payments", "customers", "read", outcome: AuditRecord.refused)
    #expect(TracePath(try payment() + [refusal], in: try charters()).leads(to: refusal))
    let foreign = try record("identity", "customers", "read", outcome: AuditRecord.refused)
    #expect(!TracePath(try payment() + [foreign], in: try charters()).leads(to: foreign))
  }

  @Test func `begins with the operator, or with who acted first by the log's clock`() throws {
    let look = TracePath([try record("operator", "ledger", "look")], in: try charters())
    #expect(look.services == ["operator", "ledger"])
    let own = TracePath(
      [
        try record("payments", "ledger", "hold", received: 5),
        try record("customers", "customers", "x", kind: .platform, received: 9),
      ], in: try charters())
    #expect(own.services == ["payments", "ledger"])
    #expect(TracePath([], in: try charters()).services.isEmpty)
  }
}
