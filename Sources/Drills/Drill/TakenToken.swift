import Demo
import StrictJSON
import Tokens

/// A real token taken apart, to be changed and put together again.
struct TakenToken {
  var header: [String: JSON]
  var claims: [String: JSON]
  let signature: [UInt8]

  /// - Throws: `DemoFailure` for what is no JWS in compact form.
  init(_ token: String) throws {
    let parts = token.split(separator: ".").map { Base64URL.decode(String($0)) ?? [] }
    guard parts.count == 3, let header = try JSON.parse(parts[0]).object,
      let claims = try JSON.parse(parts[1]).object
    else { throw DemoFailure("the token is not a JWS") }
    self.header = header
    self.claims = claims
    signature = parts[2]
  }

  func signed(_ sign: ([UInt8]) throws -> [UInt8]) rethrows -> String {
    let input =
      Base64URL.encode(JSON.object(header).canonicalBytes) + "."
      + Base64URL.encode(JSON.object(claims).canonicalBytes)
    return input + "." + Base64URL.encode(try sign(Array(input.utf8)))
  }
}
