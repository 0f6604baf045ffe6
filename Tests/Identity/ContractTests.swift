import Identity
import IdentityAPI
import TestKit
import Testing

@Suite struct `Identity's contract` {
  @Test func `is the same in Swift, in the document and in the charter`() throws {
    let contract: Set = [
      ContractDocuments.line(IdentityOperations.getConfiguration),
      ContractDocuments.line(IdentityOperations.getJWKS),
      ContractDocuments.line(IdentityOperations.authorize),
      ContractDocuments.line(IdentityOperations.getLogin),
      ContractDocuments.line(IdentityOperations.login),
      ContractDocuments.line(IdentityOperations.consent),
      ContractDocuments.line(IdentityOperations.getLogout),
      ContractDocuments.line(IdentityOperations.logout),
      ContractDocuments.line(IdentityOperations.token),
      ContractDocuments.line(IdentityOperations.revoke),
      ContractDocuments.line(IdentityOperations.userinfo),
      ContractDocuments.line(IdentityOperations.registerClient),
      ContractDocuments.line(IdentityOperations.createPerson),
      ContractDocuments.line(IdentityOperations.rotateSigningKey),
      ContractDocuments.line(IdentityOperations.listRevocations),
    ]
    let documents = try ContractDocuments(of: "Identity")
    #expect(documents.charter == contract)
    #expect(documents.openAPI == contract)
  }

  @Test func `offers exactly the scopes that the pages can explain`() {
    #expect(Scopes.described.count == Scopes.known.count)
    #expect(Scopes.described.allSatisfy { !$0.text.isEmpty })
  }
}
