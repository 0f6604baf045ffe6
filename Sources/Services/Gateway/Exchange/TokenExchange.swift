package import Chassis
import Charters
import Crypto
package import NIOCore
package import StrictJSON
package import Vocabulary

/// Exchanges an outside token for a transaction token: the outside token stops here, and what
/// travels on is a statement of thirty seconds about this one request, signed with the gateway's
/// own workload key.
package struct TokenExchange: Sendable {
  private let issuer: TransactionTokenIssuer
  private let randomness: Randomness

  /// `issuer` signs with this workload's own certificate.
  package init(issuer: TransactionTokenIssuer, randomness: Randomness) {
    self.issuer = issuer
    self.randomness = randomness
  }

  /// The signed token for a request that was let in.
  /// - Throws: `Problem.malformed` naming the member of the body that the charter binds the transaction to and that is
  ///   not there.
  package func transactionToken(
    for passage: Passage, route: EdgeRoute, content: ByteBuffer, body: JSONDocument?,
    at now: Instant
  ) throws(Problem) -> String {
    guard let token = passage.token, let purpose = route.operation.purpose else { throw .defect }
    let statement = TransactionToken(
      id: TransactionID(at: now, random: randomness.bits128()), subject: token.subject,
      clientID: token.clientID,
      // No more than the operation needs: what else the outside token allows is nobody's business
      // further in.
      scopes: route.operation.scopes, purpose: purpose, correlation: passage.correlation,
      method: passage.method, target: passage.target,
      bodyDigest: Self.digest(of: content),
      context: try Self.context(route.operation.context, in: body),
      presenters: route.operation.forwards.union([
        GatewayService.name, route.service,
      ]), origin: token.origin, issuedAt: now)
    do {
      return try issuer.sign(statement)
    } catch {
      throw .defect
    }
  }

  private static func digest(of content: ByteBuffer) -> [UInt8] {
    var hash = SHA256()
    content.withUnsafeReadableBytes { hash.update(bufferPointer: $0) }
    return Array(hash.finalize())
  }

  /// What the charter's pointers find in the body, as text: integers in decimal, strings as they
  /// are.
  static func context(
    _ pointers: [String: String], in body: JSONDocument?
  ) throws(Problem) -> [String: String] {
    var context: [String: String] = [:]
    for (claim, pointer) in pointers.sorted(by: { $0.key < $1.key }) {
      switch body.flatMap({ body in body.node(at: pointer).map(body.tree) }) {
      case .integer(let number): context[claim] = String(number)
      case .string(let text) where text.utf8.count <= contextBytesMax: context[claim] = text
      default:
        throw .malformed(
          "a whole number or a text of at most \(contextBytesMax) bytes is needed", field: pointer)
      }
    }
    return context
  }

  /// Longest text in the transaction context.
  static let contextBytesMax = 128
}
