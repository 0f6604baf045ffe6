import Identity
import IdentityAPI
import TestKit
import Testing

@Suite struct `Identity's contract` {
  @Test func `is the same in Swift, in the document and in the charter`() throws {
    let contract: Set = [
      ContractDocuments.line(IdentityOperations.getConfiguration),
      ContractDocuments.line(IdentityOperations.getServerMetadata),
      ContractDocuments.line(IdentityOperations.getJWKS),
      ContractDocuments.line(IdentityOperations.authorize),
      ContractDocuments.line(IdentityOperations.authorizeByPost),
      ContractDocuments.line(IdentityOperations.getLogin),
      ContractDocuments.line(IdentityOperations.login),
      ContractDocuments.line(IdentityOperations.consent),
      ContractDocuments.line(IdentityOperations.getLogout),
      ContractDocuments.line(IdentityOperations.logout),
      ContractDocuments.line(IdentityOperations.token),
      ContractDocuments.line(IdentityOperations.revoke),
      ContractDocuments.line(IdentityOperations.userinfo),
      ContractDocuments.line(IdentityOperations.userinfoByPost),
      ContractDocuments.line(IdentityOperations.registerClient),
      ContractDocuments.line(IdentityOperations.createPerson),
      ContractDocuments.line(IdentityOperations.suspendClient),
      ContractDocuments.line(IdentityOperations.listClients),
      ContractDocuments.line(IdentityOperations.getClient),
      ContractDocuments.line(IdentityOperations.changeClient),
      ContractDocuments.line(IdentityOperations.listPeople),
      ContractDocuments.line(IdentityOperations.resetPassword),
      ContractDocuments.line(IdentityOperations.resumeClient),
      ContractDocuments.line(IdentityOperations.suspendPerson),
      ContractDocuments.line(IdentityOperations.resumePerson),
      ContractDocuments.line(IdentityOperations.unlockSignIn),
      ContractDocuments.line(IdentityOperations.rotateSigningKey),
      ContractDocuments.line(IdentityOperations.listKeyIDs),
      ContractDocuments.line(IdentityOperations.listWebOrigins),
    ]
    let documents = try ContractDocuments(of: "Identity")
    #expect(documents.queryDifferences == [])
    #expect(documents.charter == contract)
    #expect(documents.openAPI == contract)
  }

  @Test func `offers exactly the scopes that the pages can explain`() {
    let standard = ScopeCatalogue.standard
    #expect(standard.described.count == standard.known.count)
    #expect(standard.described.allSatisfy { !$0.text.isEmpty })
  }
}
