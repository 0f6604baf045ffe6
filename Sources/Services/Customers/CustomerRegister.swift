import AuditAPI
package import Chassis
package import CustomersAPI
import Sealing
package import Vocabulary

/// What the service does with customers, apart from HTTP: check, seal, keep; open and answer.
package struct CustomerRegister: Sendable {
  private let store: CustomerStore
  private let sealing: SealingKeys
  private let clock: Clock
  private let randomness: Randomness

  package init(store: CustomerStore, sealing: SealingKeys, clock: Clock, randomness: Randomness) {
    self.store = store
    self.sealing = sealing
    self.clock = clock
    self.randomness = randomness
  }

  /// Idempotent by id: the same details again give the same receipt.
  /// - Throws: `DetailRefusal`.
  package func create(
    _ new: NewCustomer, caller: ServiceName, correlation: CorrelationID
  ) async throws -> CustomerReceipt {
    let now = clock.now()
    let today = now.day
    if let flaw = DetailRules.flaw(in: new.details, today: today) { throw flaw }
    let keyring = sealing.current
    let sealed = try SealedDetails(new.details, of: new.id, by: keyring)
    let record = AuditRecord(
      id: AuditRecordID(at: now, random: randomness.bits128()), at: now, service: "customers",
      kind: .identity, correlation: correlation, caller: caller, subject: "\(new.id)",
      operation: "createCustomer", outcome: "customer-created")
    let stored = try await store.add(
      sealed, of: new.id, keyVersion: keyring.currentVersion, record: record)
    // Two seals of one text differ, so what counts is what is inside.
    guard try stored.details.opened(of: new.id, by: keyring) == new.details else {
      throw DetailRefusal.exists
    }
    return CustomerReceipt(id: new.id, createdAt: stored.createdAt)
  }

  /// - Throws: `Problem.notFound`.
  package func record(of id: PersonID) async throws -> CustomerRecord {
    CustomerRecord(id: id, details: try await details(of: id))
  }

  /// - Throws: `Problem.notFound`.
  package func name(of id: PersonID) async throws -> CustomerName {
    let details = try await details(of: id)
    return CustomerName(id: id, givenName: details.givenName, familyName: details.familyName)
  }

  /// - Throws: `Problem.notFound`.
  package func claims(of id: PersonID) async throws -> CustomerClaims {
    let details = try await details(of: id)
    return CustomerClaims(
      givenName: details.givenName, familyName: details.familyName, birthDate: details.birthDate,
      email: details.email)
  }

  /// A row that is still under an older key is sealed anew when it is read: what is used is always up to date, what is
  /// not waits for the background pass.
  private func details(of id: PersonID) async throws -> PersonalDetails {
    guard let stored = try await store.customer(id) else { throw Problem.notFound }
    let keyring = sealing.current
    let details = try stored.details.opened(of: id, by: keyring)
    if stored.keyVersion < keyring.currentVersion {
      try await store.reseal(
        id, from: stored.keyVersion, stored.details.renewed(of: id, by: keyring),
        to: keyring.currentVersion)
    }
    return details
  }

}
