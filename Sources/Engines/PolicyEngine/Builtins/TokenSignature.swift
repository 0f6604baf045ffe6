/// Whether somebody who holds a key signed a message (RFC 7515), for what is signed as tokens are
/// but is no builtin's argument.
package enum TokenSignature {
  /// - Parameter key: PEM of a public key or certificate, or a JWK.
  /// - Throws: `PolicyError` where the key is none.
  package static func verifies(
    _ signature: [UInt8], of message: [UInt8], algorithm: String, key: String
  ) throws(PolicyError) -> Bool {
    do {
      return try TokenKey.keys(in: key).contains {
        $0.key.verifies(signature, message, algorithm: algorithm)
      }
    } catch {
      let reason = (error as? BuiltinFailure)?.message ?? "\(error)"
      throw PolicyError(code: "eval_builtin_error", message: reason, location: nil)
    }
  }
}
