import Crypto
import Tokens

/// The S256 challenge of a verifier.
func digest(_ verifier: String) -> String {
  Base64URL.encode(SHA256.hash(data: Array(verifier.utf8)))
}
