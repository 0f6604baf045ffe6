import Authority
package import Chassis
package import Charters
package import Demo
import Foundation
package import Launcher
import NIOCore
import PaymentsAPI
import Sealing
import Storage
import StrictJSON
import Synchronization
import Transport
package import Vocabulary

/// The running platform as attackers find it: its ports, its door, a few people who have a login, and the operator's own
/// line, which only looks things up and makes accounts. An actor, because people sign in once for all attacks.
package actor DrillRange {
  package nonisolated let home: Home
  package nonisolated let platform: Platform
  package nonisolated let charters: CharterSet
  package nonisolated let line: OperatorLine
  package nonisolated let desk: OperatorDesk
  package nonisolated let clock: Clock
  package nonisolated let randomness: Randomness
  /// A bank of the drill's own; nobody else's accounts are touched.
  package nonisolated let bank: SeededBank
  /// What a thief of the home's files reads.
  nonisolated let files: HomeFiles
  private let password: String
  private var tokens: [Int: (tokens: BrowserLogin.Tokens, at: Instant)] = [:]
  /// An access token lives five minutes; on a slow machine the drills take longer.
  private static let tokensMax: Duration = .seconds(120)

  /// Stolen once for all attacks.
  private var keys: StolenKeys?

  /// People in the bank.
  package static let residents = 4

  /// Makes the drill's bank from a fresh seed, so that every run finds the same money.
  /// - Parameter readsAllFiles: where files are searched, whole ones, however long they are.
  /// - Throws: `DemoFailure`, or what the operator's line throws.
  package init(
    home: Home, platform: Platform, charters: CharterSet, line: OperatorLine, clock: Clock,
    randomness: Randomness, readsAllFiles: Bool = false
  ) async throws {
    files = HomeFiles(home: home, randomness: randomness, readsAll: readsAllFiles)
    self.home = home
    self.platform = platform
    self.charters = charters
    self.line = line
    self.clock = clock
    self.randomness = randomness
    desk = OperatorDesk(line: line, randomness: randomness)
    let seeding = DemoSeeding(desk: desk, home: home, randomness: randomness)
    let (bank, login) = try await seeding.seed(
      randomness.next(), residents: Self.residents, keepsLogin: false)
    self.bank = bank
    password = login.password
  }

  /// Services with a port, by name.
  package nonisolated var ports: [(service: ServiceName, port: Int)] {
    charters.charters.compactMap { charter in
      charter.port.map { (charter.service, $0 + platform.portOffset) }
    }
  }

  /// Services whose processes live, by the launcher's records.
  package nonisolated var processes: [(service: ServiceName, pid: Int32)] {
    LaunchRecord.all(home).filter(\.isAlive).compactMap { record in
      record.pid.map { (record.service, $0) }
    }
  }

  /// A connection from outside.
  /// - Parameter source: the loopback address that it comes from; 127.0.0.1 when nil.
  nonisolated func outside(from source: String? = nil) throws -> OutsideClient {
    try OutsideClient(to: platform, in: home, from: source)
  }

  /// Tokens of a resident from a sign-in that attacks share for two minutes.
  func tokens(of resident: Int) async throws -> BrowserLogin.Tokens {
    let now = clock.now()
    if let known = tokens[resident], now < known.at + Self.tokensMax { return known.tokens }
    let fresh = try await signIn(resident)
    tokens[resident] = (fresh, now)
    return fresh
  }

  /// A sign-in of its own, for attacks that burn their tokens.
  /// - Parameters:
  ///   - more: scopes besides the demo's own.
  ///   - client: the bank's own when nil.
  ///   - source: as for `outside`.
  func signIn(
    _ resident: Int, more: String = "", client: ClientID? = nil, from source: String? = nil
  ) async throws -> BrowserLogin.Tokens {
    try await BrowserLogin(
      browser: outside(from: source), clientID: client ?? bank.clientID,
      redirectURI: DemoSeeding.redirectURI,
      randomness: randomness
    ).signIn(
      login: bank.residents[resident].login, password: password,
      scopes: DemoSeeding.scopes + more)
  }

  // MARK: theft

  /// What the authority's store and root key give away; read once.
  private func stolenKeys() async throws -> StolenKeys {
    if let keys { return keys }
    let taken = try await StolenKeys.take(
      from: home, trustDomain: platform.trustDomain, clock: clock, randomness: randomness)
    keys = taken
    return taken
  }

  func insider() async throws -> Insider { Insider(self, try await stolenKeys()) }

  /// The keys that seal a service's store.
  func keyring(of service: ServiceName) async throws -> Keyring {
    try await stolenKeys().keyring(of: service)
  }

  /// A copy of a service's store, with the keys that seal it.
  nonisolated func withCopy<Result: Sendable>(
    of service: ServiceName, _ migrations: [Migration],
    _ body: (Store, Keyring) async throws -> Result
  ) async throws -> Result {
    let keyring = try await stolenKeys().keyring(of: service)
    return try await Store.withCopy(
      of: home.storeFile(of: service), migrations: migrations, clock: clock, randomness: randomness
    ) { try await body($0, keyring) }
  }

  // MARK: requests

  /// An answer from outside, with the id under which the platform knows the request.
  struct Answer: Sendable {
    let status: Int
    let headers: Headers
    let body: [UInt8]
    var correlation: CorrelationID? { headers[Header.correlation].flatMap { CorrelationID($0) } }
    var slug: String? {
      (try? JSON.parse(body))?["type"]?.string.map {
        String($0.dropFirst(Problem.typePrefix.count))
      }
    }
    var text: String { "\(status)" + (slug.map { " \($0)" } ?? "") }
  }

  nonisolated func ask(
    _ method: String, _ target: String, token: String?, headers: [(String, String)] = [],
    body: [UInt8] = [], through client: OutsideClient? = nil
  ) async throws -> Answer {
    var fields = headers
    if let token { fields.append(("authorization", "Bearer \(token)")) }
    if !body.isEmpty, !fields.contains(where: { $0.0 == "content-type" }) {
      fields.append(("content-type", "application/json"))
    }
    let request = WireRequest(
      method: method, target: target, headers: Headers(fields), body: ByteBuffer(bytes: body))
    let answer: WireResponse
    if let client {
      answer = try await client.send(request)
    } else {
      answer = try await alone(request)
    }
    return Answer(
      status: answer.status, headers: answer.headers, body: Array(answer.body.readableBytesView))
  }

  /// Over a connection of its own, which goes with it: the door has so many places for one address.
  private nonisolated func alone(_ request: WireRequest) async throws -> WireResponse {
    let client = try outside()
    let answer: WireResponse
    do {
      answer = try await client.send(request)
    } catch {
      await client.close()
      throw error
    }
    await client.close()
    return answer
  }

  /// A payment between two residents of the drill's bank.
  nonisolated func pay(
    _ minorUnits: Int64, from payer: Int, to payee: Int, key: String, token: String,
    debtor: AccountID? = nil, reference: String = "drill", through client: OutsideClient? = nil
  ) async throws -> Answer {
    let payment = NewPayment(
      amount: try Money(minorUnits: minorUnits, currency: bank.currency),
      debtor: debtor ?? bank.residents[payer].account, creditor: bank.residents[payee].account,
      reference: reference)
    return try await ask(
      "POST", PaymentsOperations.createPayment.path, token: token,
      headers: [(Header.idempotencyKey, key)], body: try StrictJSON.encode(payment),
      through: client)
  }

  nonisolated func balance(of resident: Int, token: String) async throws -> Int64 {
    let answer = try await ask(
      "GET", "/v1/accounts/\(bank.residents[resident].account)/balance", token: token)
    return try StrictJSON.decode(Balance.self, from: answer.body).booked.minorUnits
  }

  /// A correlation id that nobody has used.
  nonisolated func newCorrelation() -> CorrelationID {
    // Only zero is none.
    CorrelationID(bits: randomness.bits128() | 1).unsafelyUnwrapped
  }

  /// A key that nobody has used.
  nonisolated func newKey() -> String { "drill-\(hexText(randomness.bytes(12)))" }
}
