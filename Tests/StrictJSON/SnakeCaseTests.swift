import StrictJSON
import Testing
import Vocabulary

@Suite struct `A type that is spelled in snake_case` {
  private struct Loan: SnakeCased, Codable, Hashable {
    struct Rate: Codable, Hashable { let perYear: Int }
    let openedAt: Int
    let nationalID: String?
    let rates: [Rate]
    /// Free names are data, not members.
    let notes: [String: Int]
  }
  private let loan = Loan(
    openedAt: 1, nationalID: "x", rates: [Loan.Rate(perYear: 2)], notes: ["setBy": 3])
  private let text = """
    {"national_id":"x","notes":{"setBy":3},"opened_at":1,"rates":[{"perYear":2}]}
    """

  @Test func `travels so, and nobody else in it does`() throws {
    #expect(String(decoding: try StrictJSON.encode(loan), as: UTF8.self) == text)
    #expect(try StrictJSON.decode(Loan.self, from: Array(text.utf8)) == loan)
  }

  @Test func `is read in any order, and where its names are escaped`() throws {
    let other = """
      {"rates":[{"perYear":2}],"opened\\u005fat":1,"notes":{"setBy":3},"national_id":"x"}
      """
    #expect(try StrictJSON.decode(Loan.self, from: Array(other.utf8)) == loan)
  }

  @Test func `has one spelling of each member, which faults name`() {
    for (old, new, pointer, reason) in [
      ("opened_at", "openedAt", "/opened_at", "is missing"),
      ("\"national_id\"", "\"nationalID\"", "/nationalID", "unknown field"),
      ("\"opened_at\":1", "\"opened_at\":\"1\"", "/opened_at", "expected an integer"),
    ] {
      #expect {
        try StrictJSON.decode(Loan.self, from: Array(text.replacing(old, with: new).utf8))
      } throws: { error in
        guard let error = error as? JSONError else { return false }
        return error.pointer == pointer && error.reason.contains(reason)
      }
    }
  }

  @Test(arguments: [
    ("id", "id"), ("openedAt", "opened_at"), ("nationalID", "national_id"), ("sha256", "sha256"),
    ("correlationID", "correlation_id"), ("idOfURLPath", "id_of_url_path"),
    ("inV2Form", "in_v2_form"),
    ("given_name", "given_name"), ("", ""),
  ])
  func `follows one rule`(name: String, spelled: String) {
    #expect(SnakeCase.spell(name) == spelled)
    #expect(SnakeCase.isSpelling(Array(spelled.utf8), of: name))
    #expect(!SnakeCase.isSpelling(Array((spelled + "x").utf8), of: name))
    #expect(spelled.isEmpty || !SnakeCase.isSpelling(Array(spelled.utf8.dropLast()), of: name))
  }
}
