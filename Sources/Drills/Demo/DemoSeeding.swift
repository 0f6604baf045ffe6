package import Chassis
import CustomersAPI
import DurableFiles
import Foundation
import IdentityAPI
package import Launcher
import LedgerAPI
import StrictJSON
import Tokens
package import Vocabulary

/// The demo's secrets of one home: a password drawn at random, kept in `DIR/demo.json`, mode 0600.
package struct DemoLogin: SnakeCased, Codable, Sendable, Hashable {
  package let login: String
  package let password: String
  package let clientID: ClientID
  package let account: AccountID
  package let seed: UInt64
  package let residents: Int

  package static func file(of home: Home) -> String { "\(home.path)/demo.json" }

  package static func read(_ home: Home) -> DemoLogin? {
    guard let bytes = FileManager.default.contents(atPath: file(of: home)) else { return nil }
    return try? StrictJSON.decode(DemoLogin.self, from: Array(bytes))
  }

  func write(to home: Home) throws {
    let bytes = try StrictJSON.encode(self)
    do throws(DurableFile.Failure) {
      try DurableFile.write(bytes, to: Self.file(of: home), .ownersOnly)
    } catch {
      throw DemoFailure("cannot write the demo's login: \(error)")
    }
  }
}

/// Puts the seeded bank into a running platform: people, their details, accounts, opening deposits, one client.
/// Every id is derived from the seed, so doing it again changes nothing.
package struct DemoSeeding: Sendable {
  package static let redirectURI = "http://127.0.0.1/callback"
  package static let scopes =
    "openid accounts:read accounts:balance:read payments:create payments:read profile:read"
  package static let defaultSeed = SeededBank.plainSeed
  package static let defaultResidents = 8
  package static let ordersPerResident = 5

  private let desk: OperatorDesk
  private let home: Home
  private let randomness: Randomness

  package init(desk: OperatorDesk, home: Home, randomness: Randomness) {
    self.desk = desk
    self.home = home
    self.randomness = randomness
  }

  package static func bank(seed: UInt64, residents: Int) -> SeededBank? {
    Currency("EUR").map {
      SeededBank(
        seed: seed, residents: residents, ordersPerResident: ordersPerResident, currency: $0)
    }
  }

  /// - Parameter progress: called with how many residents are in.
  /// - Throws: `DemoFailure`, or what the operator's line throws.
  package func seed(
    _ seed: UInt64, residents: Int, orders: [SeededBank.StandingOrder]? = nil,
    keepsLogin: Bool = true,
    progress: @Sendable (Int) -> Void = { _ in }
  ) async throws -> (bank: SeededBank, login: DemoLogin) {
    guard let seeded = Self.bank(seed: seed, residents: residents) else {
      throw DemoFailure("EUR is not a currency any more")
    }
    let bank = orders.map { seeded.with(orders: $0) } ?? seeded
    let known = DemoLogin.read(home).flatMap {
      $0.seed == seed && $0.residents >= residents ? $0 : nil
    }
    if let known { return (bank, known) }
    let password = DemoLogin.read(home)?.password ?? Base64URL.encode(randomness.bytes(12))
    try await registerClient(bank)
    try await openAccounts(bank)
    for (number, resident) in bank.residents.enumerated() {
      try await admit(resident, password)
      progress(number + 1)
    }
    let login = DemoLogin(
      login: bank.residents[0].login, password: password, clientID: bank.clientID,
      account: bank.residents[0].account, seed: seed, residents: residents)
    if keepsLogin { try login.write(to: home) }
    return (bank, login)
  }

  private func registerClient(_ bank: SeededBank) async throws {
    _ = try await desk.call(
      IdentityOperations.registerClient,
      NewClient(
        id: bank.clientID, name: "Strongroom demo", kind: .public,
        grants: [.authorizationCode, .refreshToken], redirectURIs: [Self.redirectURI],
        scopes: (Self.scopes + " offline_access").split(separator: " ").map(String.init)))
  }

  private func openAccounts(_ bank: SeededBank) async throws {
    let house = NewAccount(id: bank.house, currency: bank.currency, code: 10)
    let own = bank.residents.map {
      NewAccount(
        id: $0.account, currency: bank.currency, code: 100, owner: $0.id,
        flags: [.debitsMustNotExceedCredits])
    }
    try check(
      await desk.call(LedgerOperations.createAccounts, NewAccounts(accounts: [house] + own)))
    let deposits = try bank.residents.enumerated().map { number, resident in
      NewTransfer(
        id: bank.openingTransfer(number),
        amount: try Money(minorUnits: resident.openingMinorUnits, currency: bank.currency),
        from: bank.house, to: resident.account, code: 1)
    }
    try check(
      await desk.call(LedgerOperations.createTransfers, NewTransfers(transfers: deposits)))
  }

  private func check(_ answer: EventResults) throws {
    let odd = answer.results.first {
      ![EventResult.created, EventResult.exists].contains($0.result)
    }
    if let odd { throw DemoFailure("the ledger refused \(odd.id): \(odd.result)") }
  }

  private func admit(_ resident: SeededBank.Resident, _ password: String) async throws {
    let details = PersonalDetails(
      givenName: resident.givenName, familyName: resident.familyName, email: resident.login,
      phone: resident.phone,
      address: PostalAddress(
        lines: ["1 Example Street"], postalCode: "EX1 2MP", city: "Exampleton", country: "GB"),
      birthDate: resident.birthDate)
    _ = try await desk.call(
      CustomersOperations.createCustomer, NewCustomer(id: resident.id, details: details))
    _ = try await desk.call(
      IdentityOperations.createPerson,
      NewPerson(id: resident.id, login: resident.login, password: password))
  }
}
