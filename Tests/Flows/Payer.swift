import Demo
import LedgerAPI
import NIOCore
import PaymentsAPI
import StrictJSON
import Transport
import Vocabulary

/// The demo's first resident, signed in.
struct Payer: Sendable {
  let platform: RunningPlatform
  let login: DemoLogin
  let others: [AccountID]
  let token: String
  let connection: OutsideClient

  init(_ platform: RunningPlatform) async throws {
    self.platform = platform
    login = try platform.login()
    others =
      DemoSeeding.bank(seed: login.seed, residents: login.residents)?.residents.dropFirst()
      .map(\.account) ?? []
    token = try await platform.signIn(login.login, login.password, client: login.clientID)
    connection = try platform.client()
  }

  private init(_ payer: Payer, _ connection: OutsideClient) {
    platform = payer.platform
    login = payer.login
    others = payer.others
    token = payer.token
    self.connection = connection
  }

  /// The same person on another connection.
  func fresh() throws -> Payer { Payer(self, try platform.client()) }

  func order(_ minorUnits: Int64) throws -> String {
    guard let euro = Currency("EUR") else { throw DemoFailure("no EUR") }
    let payment = NewPayment(
      amount: try Money(minorUnits: minorUnits, currency: euro), debtor: login.account,
      creditor: others[0], reference: "flow")
    return String(decoding: try StrictJSON.encode(payment), as: UTF8.self)
  }

  func send(_ body: String, key: String) async throws -> WireResponse {
    try await connection.send(
      WireRequest(
        method: "POST", target: "/v1/payments",
        headers: [
          "authorization": "Bearer \(token)", "content-type": "application/json",
          Header.idempotencyKey: key,
        ], body: ByteBuffer(string: body)))
  }

  /// Tries again with the same key until somebody says what became of it.
  func persist(_ body: String, key: String) async throws -> Int {
    try await lastAnswer(body, key: key)?.status ?? 0
  }

  func lastAnswer(_ body: String, key: String) async throws -> WireResponse? {
    for _ in 0..<120 {
      if let answer = try? await fresh().send(body, key: key),
        ![202, 401, 429, 502, 503, 504].contains(answer.status)
      {
        return answer
      }
      try await Task.sleep(for: .milliseconds(250))
    }
    return nil
  }

  func balance() async throws -> Int64 {
    for _ in 0..<120 {
      let answer = try? await fresh().connection.send(
        WireRequest(
          method: "GET", target: "/v1/accounts/\(login.account)/balance",
          headers: ["authorization": "Bearer \(token)"]))
      if let answer, answer.status == 200 {
        return try StrictJSON.decode(Balance.self, from: Array(answer.body.readableBytesView))
          .booked.minorUnits
      }
      try await Task.sleep(for: .milliseconds(250))
    }
    throw DemoFailure("no balance to be had")
  }
}
