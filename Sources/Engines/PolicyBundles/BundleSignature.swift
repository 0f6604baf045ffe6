import Crypto
import FoundationEssentials
import PolicyEngine
import Vocabulary

/// `.signatures.json`: a token that names each file with its digest (OPA bundles, "Signing").
struct BundleSignature {
  static let fileName = ".signatures.json"

  /// - Parameters:
  ///   - keyID: which key it was, for those that know several; empty: not said.
  ///   - scope: what the bundle may be used for; empty: not said.
  static func file(
    _ files: [BundleFile], _ key: BundleSigningKey, keyID: String, scope: String
  ) throws(BundleError) -> BundleFile {
    var header: [(Value, Value)] = [(.string("alg"), .string(key.algorithm))]
    if !keyID.isEmpty { header.append((.string("kid"), .string(keyID))) }
    var claims: [(Value, Value)] = [
      (
        .string("files"),
        .array(
          files.sorted { $0.name < $1.name }.map { file in
            .object(
              ObjectValue([
                (.string("algorithm"), .string("SHA-256")),
                (.string("hash"), .string(digest(file, SHA256.self))),
                (.string("name"), .string(file.name)),
              ]))
          })
      )
    ]
    if !scope.isEmpty { claims.append((.string("scope"), .string(scope))) }
    let message = [header, claims].map { part in
      encoded(Array(Value.object(ObjectValue(part)).jsonText.utf8))
    }.joined(separator: ".")
    let token = message + "." + encoded(try key.signature(of: Array(message.utf8)))
    let signatures = Value.object(
      ObjectValue([(.string("signatures"), .array([.string(token)]))]))
    return BundleFile(name: fileName, bytes: Array(signatures.jsonText.utf8))
  }

  /// Throws unless the token in the file was signed as it must be, and names exactly these files
  /// as they are.
  static func verify(
    _ file: BundleFile, _ files: [BundleFile], _ wanted: BundleVerification
  ) throws(BundleError) {
    guard case .object(let object)? = try? Value.parse(json: file.bytes),
      case .array(let tokens)? = object["signatures"], tokens.count == 1,
      case .string(let token) = tokens[0]
    else { throw BundleError("\(fileName) does not hold one signature") }
    let claims = try claims(token, wanted)
    if !wanted.scope.isEmpty, claims["scope"] != .string(wanted.scope) {
      throw BundleError("the bundle was not signed for the scope '\(wanted.scope)'")
    }
    guard case .array(let entries)? = claims["files"] else {
      throw BundleError("the signature names no files")
    }
    var open = Dictionary(files.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    guard open.count == files.count else { throw BundleError("the bundle has a file twice") }
    for entry in entries {
      guard case .object(let members) = entry, case .string(let spelled)? = members["name"],
        case .string(let hash)? = members["hash"]
      else { throw BundleError("the signature names a file without its digest") }
      let name = spelled.split(separator: "/").joined(separator: "/")
      guard let file = open.removeValue(forKey: name) else {
        throw BundleError("'\(name)' was signed and is missing, or stands twice in the signature")
      }
      let algorithm = members["algorithm"] ?? .string("SHA-256")
      guard try digest(file, algorithm) == hash.lowercased() else {
        throw BundleError("'\(name)' was changed after it was signed")
      }
    }
    if let name = open.keys.min() { throw BundleError("'\(name)' was not signed") }
  }

  /// - Throws: `BundleError`, also where the token says that it used another algorithm: whoever
  ///   made it does not choose how it is checked (RFC 8725 §3.1).
  private static func claims(_ token: String, _ wanted: BundleVerification) throws(BundleError)
    -> ObjectValue
  {
    let parts = token.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 3, let header = decoded(parts[0]), let payload = decoded(parts[1]),
      let signature = decoded(parts[2]),
      case .object(let fields)? = try? Value.parse(json: header),
      case .object(let claims)? = try? Value.parse(json: payload)
    else { throw BundleError("the signature is no token") }
    guard fields["alg"] == .string(wanted.algorithm) else {
      throw BundleError("the bundle was not signed with \(wanted.algorithm)")
    }
    let message = Array((parts[0] + "." + parts[1]).utf8)
    guard try isGenuine(signature, message, wanted) else {
      throw BundleError("the signature is not by the given key")
    }
    return claims
  }

  private static func isGenuine(
    _ signature: [UInt8], _ message: [UInt8], _ wanted: BundleVerification
  ) throws(BundleError) -> Bool {
    let secret = SymmetricKey(data: Array(wanted.key.utf8))
    switch wanted.algorithm {
    case "HS256":
      return HMAC<SHA256>.isValidAuthenticationCode(
        signature, authenticating: message, using: secret)
    case "HS384":
      return HMAC<SHA384>.isValidAuthenticationCode(
        signature, authenticating: message, using: secret)
    case "HS512":
      return HMAC<SHA512>.isValidAuthenticationCode(
        signature, authenticating: message, using: secret)
    default:
      do {
        return try TokenSignature.verifies(
          signature, of: message, algorithm: wanted.algorithm, key: wanted.key)
      } catch {
        throw BundleError("the verification key is none: \(error.message)")
      }
    }
  }

  // MARK: Digests

  private static func digest(_ file: BundleFile, _ algorithm: Value) throws(BundleError) -> String {
    switch algorithm {
    case .string("SHA-256"): digest(file, SHA256.self)
    case .string("SHA-384"): digest(file, SHA384.self)
    case .string("SHA-512"): digest(file, SHA512.self)
    default: throw BundleError("the signature uses a digest that is not taken: \(algorithm)")
    }
  }

  /// Of JSON what it says counts, not how it is laid out.
  private static func digest(_ file: BundleFile, _ function: any HashFunction.Type) -> String {
    var bytes = file.bytes
    let isStructured = file.name == BundleManifest.fileName || file.name.hasSuffix(".json")
    if isStructured, let value = try? Value.parse(json: file.bytes) {
      // Go escapes the two line separators, which JSON need not.
      let text = value.jsonText.replacing("\u{2028}", with: "\\u2028")
        .replacing("\u{2029}", with: "\\u2029")
      bytes = Array(text.utf8)
    }
    return hex(function, bytes)
  }

  private static func hex<Function: HashFunction>(_ function: Function.Type, _ bytes: [UInt8])
    -> String
  {
    hexText(Function.hash(data: bytes))
  }

  // MARK: Base64url without padding (RFC 7515 §2)

  private static func encoded(_ bytes: [UInt8]) -> String {
    Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
      .replacing("=", with: "")
  }

  private static func decoded(_ text: String) -> [UInt8]? {
    guard !text.contains("+"), !text.contains("/"), !text.contains("=") else { return nil }
    let standard = text.replacing("-", with: "+").replacing("_", with: "/")
    let padding = String(repeating: "=", count: (4 - standard.utf8.count % 4) % 4)
    return Data(base64Encoded: standard + padding).map(Array.init)
  }
}
