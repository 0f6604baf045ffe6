import Charters
import Gateway
import LedgerAPI
import NIOCore
import Payments
import StrictJSON
import SwiftASN1
import Tokens
import Vocabulary
import WorkloadIdentity
import X509

/// A parser that outsiders reach, with what must hold for any bytes at all. Whatever is malformed is refused by its own
/// error; a crash, a hang or a broken law is a finding.
package enum FuzzTarget: String, Sendable, CaseIterable {
  /// Requests as the gateway reads them off the wire.
  case httpEdge = "http-edge"
  case json
  /// Compact JWS, and JSON Web Key Sets.
  case jwt
  case jwks
  /// X509-SVIDs, and trust bundles.
  case svid
  case charter
  /// A page's place in a list, as the caller gives it back.
  case cursor
  case idempotencyKey = "idempotency-key"
  /// Percent-encoded forms and queries.
  case percent
  /// Binary batches of the ledger, and the answers to them.
  case ledgerBatch = "ledger-batch"
  /// Rego, and what is laid out of it; queries with their input; bundles.
  case policySource = "policy-source"
  case policyInput = "policy-input"
  case policyBundle = "policy-bundle"

  /// Longest input that is worth trying, bytes.
  package var bytesMax: Int {
    switch self {
    case .httpEdge, .json, .charter: 65_536
    case .jwt, .jwks, .svid, .ledgerBatch, .policyBundle: 16_384
    case .policySource, .policyInput: 4_096
    case .cursor, .idempotencyKey, .percent: 1_024
    }
  }

  /// Tries these bytes; ends the process when a law is broken.
  package func run(_ bytes: [UInt8]) {
    switch self {
    case .httpEdge: Self.readsTheSameInPieces(bytes)
    case .json: Self.survivesItsOwnText(bytes)
    case .jwt: Self.keepsWhatWasSigned(bytes)
    case .jwks:
      guard let json = try? JSON.parse(bytes), let keys = try? KeySet(jwks: json) else { return }
      _ = keys.key(for: "a")
    case .svid:
      guard let roots = try? TrustBundle(trustDomain: "strongroom.test", der: []) else { return }
      if let leaf = try? Certificate(derEncoded: bytes) {
        _ = try? PeerVerifier.identity(ofLeaf: leaf)
      }
      _ = try? TrustBundle(trustDomain: "strongroom.test", der: [bytes])
      _ = [[UInt8]](concatenatedDER: bytes, limit: 8).map {
        PeerVerifier(trustDomain: "strongroom.test").verify(
          chain: $0, bundle: roots, at: Instant(seconds: 1_800_000_000))
      }
    case .charter:
      guard
        let charter = try? Charter.parse(
          file: "charter.yaml", text: String(decoding: bytes, as: UTF8.self))
      else { return }
      // What is judged is what will run: the charter as it writes itself is the same charter.
      let document = String(decoding: charter.document.canonicalBytes, as: UTF8.self)
      precondition((try? Charter.parse(file: "charter.json", text: document)) == charter)
    case .cursor:
      let text = String(decoding: bytes, as: UTF8.self)
      guard let position = PaymentStore.Position(text) else { return }
      precondition(PaymentStore.Position(position.text)?.text == position.text)
    case .idempotencyKey:
      let text = String(decoding: bytes, as: UTF8.self)
      guard let key = IdempotencyKey(text) else { return }
      precondition(IdempotencyKey(key.description) == key)
      precondition((1...IdempotencyKey.charactersMax).contains(key.description.utf8.count))
    case .percent:
      guard let text = PercentEncoding.decode(bytes) else { return }
      precondition(PercentEncoding.decode(PercentEncoding.encode(text).utf8) == text)
    case .ledgerBatch: Self.writesWhatItRead(bytes)
    case .policySource: PolicyLaws.decides(bytes)
    case .policyInput: PolicyLaws.answers(bytes)
    case .policyBundle: PolicyLaws.unpacks(bytes)
    }
  }

  // MARK: laws

  /// However the network cuts the bytes, the same requests are read, and the same fault is found.
  private static func readsTheSameInPieces(_ bytes: [UInt8]) {
    let whole = requests(in: [bytes[...]])
    let middle = bytes.count / 2
    precondition(requests(in: [bytes[..<middle], bytes[middle...]]) == whole)
    if bytes.count <= 512 {
      precondition(requests(in: bytes.indices.map { bytes[$0...$0] }) == whole)
    }
  }

  private static func requests(in pieces: [ArraySlice<UInt8>]) -> [String] {
    var buffer = ByteBuffer()
    var reader = RequestReader(limits: EdgeLimits())
    var content: (head: RequestHead, reader: ContentReader)?
    var seen: [String] = []
    do throws(RequestFault) {
      for piece in pieces {
        buffer.writeBytes(piece)
        while true {
          if content == nil {
            guard let head = try reader.head(from: &buffer) else { break }
            content = (head, try ContentReader(head.content, bytesMax: 65_536))
          }
          guard let head = content?.head, try content?.reader.read(from: &buffer) == true,
            let bytes = content?.reader.content
          else { break }
          seen.append("\(head.method) \(head.path)?\(head.query) \(bytes.readableBytes)")
          content = nil
          guard head.keepsAlive else { return seen }
        }
      }
    } catch {
      seen.append("\(error)")
    }
    return seen
  }

  /// The canonical text of what was read reads as the same value, and is canonical already.
  private static func survivesItsOwnText(_ bytes: [UInt8]) {
    guard let value = try? JSON.parse(bytes) else { return }
    let canonical = value.canonicalBytes
    guard let again = try? JSON.parse(canonical) else {
      preconditionFailure("the canonical text is refused")
    }
    precondition(again.canonicalBytes == canonical)
  }

  /// What is read as a batch is written as the same bytes: no two bodies mean one batch.
  private static func writesWhatItRead(_ bytes: [UInt8]) {
    if let records = try? BinaryBatch.transfers(bytes) {
      precondition(BinaryBatch.encode(records) == bytes)
    }
    if let accounts = try? BinaryBatch.accounts(bytes) {
      precondition((try? BinaryBatch.encode(NewAccounts(accounts: accounts))) == bytes)
    }
    _ = try? BinaryBatch.transferResults(bytes)
    _ = try? BinaryBatch.accountResults(bytes)
  }

  private static func keepsWhatWasSigned(_ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    guard let token = try? UnverifiedToken(text) else { return }
    precondition(text.utf8.starts(with: token.signingInput))
    _ = token.unverifiedClaims
    _ = try? token.verified(by: KeySet([]), algorithms: [.es256])
  }
}
