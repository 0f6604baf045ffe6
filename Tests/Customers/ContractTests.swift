import CustomersAPI
import TestKit
import Testing

@Suite struct `Customers' contract` {
  @Test func `is the same in Swift, in the document and in the charter`() throws {
    let contract: Set = [
      ContractDocuments.line(CustomersOperations.createCustomer),
      ContractDocuments.line(CustomersOperations.getCustomer),
      ContractDocuments.line(CustomersOperations.getClaims),
      ContractDocuments.line(CustomersOperations.getMe),
    ]
    let documents = try ContractDocuments(of: "Customers")
    #expect(documents.queryDifferences == [])
    #expect(documents.charter == contract)
    #expect(documents.openAPI == contract)
  }
}
