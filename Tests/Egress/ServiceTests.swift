import Egress
import EgressAPI
import TestKit
import Testing
import Vocabulary

@Suite struct `Egress' contract` {
  @Test func `is the same in Swift, in the document and in the charter`() throws {
    let contract: Set = [ContractDocuments.line(EgressOperations.fetch)]
    let documents = try ContractDocuments(of: "Egress")
    #expect(documents.queryDifferences == [])
    #expect(documents.charter == contract)
    #expect(documents.openAPI == contract)
  }
}

@Suite struct `The egress service` {
  @Test func `answers whoever's charter has the call, and no others`() async throws {
    let house = try await ServiceHouse<EgressService>()
    func slug(_ url: String, as caller: ServiceName) async throws -> String? {
      do {
        _ = try await house.call(EgressOperations.fetch, FetchRequest(.get, url), as: caller)
        return nil
      } catch let problem as Problem {
        return problem.slug
      }
    }
    #expect(try await slug("https://nobody.example/", as: "gateway") == EgressProblem.notNamed)
    #expect(try await slug("https://127.1/", as: "gateway") == EgressProblem.badURL)
    #expect(try await slug("https://nobody.example/", as: "ledger") == "forbidden")
    await house.close()
  }
}
