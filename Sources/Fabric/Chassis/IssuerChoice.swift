import OutsideReach
import StrictJSON
import Tokens
import Vocabulary

/// An issuer of others whose access tokens the door takes, as an operator's file says: whom to believe, and what its words mean here.
package struct IssuerChoice: SnakeCased, Codable, Hashable, Sendable {
  /// Its URL, to be found in `iss` byte by byte (OpenID Connect Discovery 1.0 §3); no query.
  package let issuer: String
  /// What `aud` must hold.
  package let audience: String
  /// Accepted `typ`, in small letters (RFC 8725 §3.11): `at+jwt`, or what the issuer writes.
  package let types: [String]
  /// Names of signature algorithms, `ES256`, `EdDSA`, `RS256` (RFC 8725 §3.1).
  package let algorithms: [String]
  /// The claim that holds the person's id on this platform, a UUID.
  package let subjectClaim: String
  /// What the issuer calls a client (`client_id`, or else `azp`) → the id of the client here, which can be suspended here.
  package let clients: [String: String]
  /// The claim that says what is allowed: words with spaces between them, or a list of texts.
  package let scopeClaim: String
  /// A word of the issuer's → scopes here. Other words mean nothing.
  package let scopes: [String: [String]]

  /// Issuers of one platform.
  package static let issuersMax = 16
  private static let wordsMax = 256
  private static let textBytesMax = 256

  package init(
    issuer: String, audience: String, types: [String], algorithms: [String], subjectClaim: String,
    clients: [String: String], scopeClaim: String, scopes: [String: [String]]
  ) {
    self.issuer = issuer
    self.audience = audience
    self.types = types
    self.algorithms = algorithms
    self.subjectClaim = subjectClaim
    self.clients = clients
    self.scopeClaim = scopeClaim
    self.scopes = scopes
  }

  /// What is wrong with it; nil where nothing is.
  package var flaw: String? {
    guard let url = try? OutsideURL(issuer), !url.target.contains("?") else {
      return "'\(issuer)' is no https URL without a query"
    }
    let texts = [audience, subjectClaim, scopeClaim] + types + Array(clients.keys)
    guard texts.allSatisfy({ (1...Self.textBytesMax).contains($0.utf8.count) }) else {
      return "audience, types, names of claims and of clients have 1 to \(Self.textBytesMax) bytes"
    }
    guard !types.isEmpty, types.allSatisfy({ $0 == $0.lowercased() }) else {
      return "types names one or more in small letters, for example at+jwt"
    }
    guard !algorithms.isEmpty, algorithms.allSatisfy({ TokenAlgorithm(rawValue: $0) != nil }) else {
      return "algorithms names one or more of ES256, EdDSA and RS256"
    }
    guard clients.count <= Self.wordsMax, clients.values.allSatisfy({ ClientID($0) != nil }) else {
      return "clients leads from names to ids of clients here, \(Self.wordsMax) at most"
    }
    let ours = scopes.values.joined()
    guard scopes.count <= Self.wordsMax, ours.allSatisfy({ Scope($0) != nil }) else {
      return "scopes leads from words to lists of scopes here, \(Self.wordsMax) at most"
    }
    return nil
  }
}

/// What the operator's file holds.
package struct IssuerFile: Codable, Sendable {
  package let issuers: [IssuerChoice]

  package static let bytesMax = 1 << 20

  /// - Throws: `IssuerFileFault`.
  package static func read(_ bytes: [UInt8]) throws(IssuerFileFault) -> [IssuerChoice] {
    let file: IssuerFile
    do {
      file = try StrictJSON.decode(IssuerFile.self, from: bytes)
    } catch {
      throw IssuerFileFault("\(error.pointer): \(error.reason)")
    }
    guard file.issuers.count <= IssuerChoice.issuersMax else {
      throw IssuerFileFault("\(IssuerChoice.issuersMax) issuers at most")
    }
    guard Set(file.issuers.map(\.issuer)).count == file.issuers.count else {
      throw IssuerFileFault("an issuer stands twice")
    }
    if let flaw = file.issuers.lazy.compactMap(\.flaw).first { throw IssuerFileFault(flaw) }
    return file.issuers
  }
}

package struct IssuerFileFault: Error, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}
