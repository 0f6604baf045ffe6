import StrictJSON
import Testing
import Vocabulary

@Suite struct `A problem's document` {
  private let correlation = CorrelationID(bits: 7)

  @Test(arguments: ProblemKind.allCases)
  func `is read as it was written`(kind: ProblemKind) {
    let problem = Problem(
      "exists-with-different-amount", 409, "No", kind: kind, detail: "why",
      fields: ["result": "exists_with_different_amount"], retryAfterSeconds: 3)
    let document = problem.document(correlation: correlation)
    #expect(document["kind"] == .string(kind.rawValue))
    #expect(Problem(document: document, status: 409, retryAfterSeconds: 3) == problem)
  }

  @Test func `does not say what became of the request where its kind is missing or new`() {
    let known = Problem("transaction-token-expired", 403, "No").document(correlation: nil)
    for kind in [nil, "maybe", "Refused", ""] {
      var members = known.object ?? [:]
      members["kind"] = kind.map { .string($0) }
      let read = Problem(document: .object(members), status: 403, retryAfterSeconds: nil)
      #expect(read?.kind == .unknown, "\(kind ?? "none")")
    }
  }

  @Test func `is not spoken over by a field of the same name`() {
    let problem = Problem("a", 404, "No", fields: ["kind": "refused", "status": "200"])
    let document = problem.document(correlation: correlation)
    #expect(document["kind"] == "absent" && document["status"] == 404)
  }

  @Test(arguments: [
    #"{}"#, #"[]"#, #"{"type":"about:blank","title":"No"}"#,
    #"{"type":"urn:strongroom:problem:a"}"#, #"{"title":"No","kind":"refused"}"#,
  ])
  func `is none of ours without type and title`(text: String) throws {
    let document = try JSON.parse(Array(text.utf8))
    #expect(Problem(document: document, status: 400, retryAfterSeconds: nil) == nil)
  }
}
