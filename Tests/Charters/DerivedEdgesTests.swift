import Charters
import StrictJSON
import Testing
import Vocabulary

@Suite struct `An edge that follows from a charter` {
  /// Loans is public without naming the door, calls what is for everybody, and is asked by the operator, who does not say so.
  private static let loans = """
    apiVersion: strongroom/v1
    service: loans
    summary: Lends.
    port: 7107
    operations:
      - {id: listLoans, method: GET, path: /v1/loans, public: true, scopes: [loans:read]}
      - {id: closeLoan, method: POST, path: /v1/closings, callers: [operator]}
    calls:
      - {service: ledger, operations: [note], delivery: outbox}
    limits: {memory_mib: 128, open_files: 1024, connections: 512}
    """
  private static let note =
    "  - {id: note, method: POST, path: /v1/notes, callers: [every-service, operator], idempotency: key}\n"

  private static func files(
    loans: String = loans, note: String = note
  ) throws -> [CharterFile] {
    try Samples.files("ledger", "limits:", note + "limits:")
      + [CharterFile(name: "loans.yaml", text: loans)]
  }

  @Test func `is the door's end of what is public, and the operator's of what names the operator`()
    throws
  {
    let set = try CharterSet.load(Self.files())
    #expect(set.mayCall(caller: "gateway", service: "loans", operation: "listLoans"))
    #expect(set.mayCall(caller: "operator", service: "loans", operation: "closeLoan"))
    #expect(!set.mayCall(caller: "gateway", service: "loans", operation: "closeLoan"))
    #expect(!set.mayCall(caller: "operator", service: "loans", operation: "listLoans"))
    let door = try #require(set["gateway"])
    // What is derived is an edge as any other: it orders the start, and opens the way to the port.
    #expect(door.calls("loans", "listLoans") && !door.calls("loans", "closeLoan"))
    #expect(door.calls.filter { $0.service == "loans" }.map(\.delivery) == [.request])
    #expect(set.startOrder == ["ledger", "payments", "loans", "gateway"])
    #expect(set["operator"]?.calls("loans", "closeLoan") == true)
    #expect(set.publicRoutes.map(\.operation.id) == ["listLoans", "createPayment", "getPayment"])
  }

  @Test func `is every service's that declares the call, and nobody else's`() throws {
    let set = try CharterSet.load(Self.files())
    let operation = try #require(set["ledger"]?.operation("note"))
    #expect(operation.callers == ["loans", "operator"])
    for other: ServiceName in ["payments", "gateway", "every-service", "stranger"] {
      #expect(!set.mayCall(caller: other, service: "ledger", operation: "note"))
    }
    // One that calls without being meant is as one-sided as ever.
    let faults = Samples.faults(
      try Self.files(note: Self.note.replacing("every-service, ", with: "")))
    #expect(faults.map(\.kind) == [.oneSidedEdge])
  }

  @Test func `stands in what the deploy gate is asked about, which is the same set once more`()
    throws
  {
    let set = try CharterSet.load(Self.files())
    let note = try #require(
      set["ledger"]?.document["operations"]?.array?.first { $0["id"]?.string == "note" })
    #expect(note["callers"] == .array([.string("loans"), .string("operator")]))
    let list = try #require(set["loans"]?.document["operations"]?.array?.first)
    #expect(list["callers"] == .array([.string("gateway")]))
    let called = set["gateway"]?.document["calls"]?.array?.compactMap { $0["service"]?.string }
    #expect(called == ["payments", "loans"])
    let written = set.charters.map { charter in
      CharterFile(
        name: "\(charter.service).json",
        text: String(decoding: charter.document.canonicalBytes, as: UTF8.self))
    }
    #expect(try CharterSet.load(written + [Samples.classes]).charters == set.charters)
  }

  @Test func `has room for as many callers as a set has charters`() throws {
    #expect(Charter.callersMax == CharterSet.chartersMax)
    #expect(Charter.callsMax == CharterSet.chartersMax)
  }

  @Test(arguments: [
    ("service: loans", "service: every-service", "stands for all services"),
    ("[note], delivery: outbox", "[createHold], delivery: outbox", "needs a transaction token"),
    ("[note], delivery: outbox", "[getAccount], delivery: outbox", "may not come twice"),
    ("callers: [operator]", "callers: []", "nobody may call 'closeLoan'"),
  ])
  func `is refused where it cannot be meant`(old: String, new: String, says: String) throws {
    let faults = Samples.faults(try Self.files(loans: Self.loans.replacing(old, with: new)))
    #expect(faults.contains { $0.message.contains(says) }, "\(CharterFaults(faults))")
  }

  @Test func `from an outbox leads to what may come twice and has no parameters`() throws {
    for (old, says) in [
      ("idempotency: key", "may not come twice"), ("/v1/notes", "has parameters in its path"),
    ] {
      let new = old == "/v1/notes" ? "\"/v1/notes/{id}\"" : "idempotency: none"
      let faults = Samples.faults(try Self.files(note: Self.note.replacing(old, with: new)))
      #expect(faults.count == 1 && faults[0].message.contains(says), "\(CharterFaults(faults))")
    }
  }
}
