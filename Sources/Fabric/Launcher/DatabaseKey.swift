import Chassis
import Crypto
import Vocabulary

/// What the passwords of the services' roles follow from: one secret in the operator's folder, so that a restart, or a
/// second platform with a copy of the home's keys, has the same ones, and none is kept anywhere else but with its service.
struct DatabaseKey {
  /// 32 bytes as hex, and a line end.
  private static let bytesCount = 32

  private let key: SymmetricKey

  private init(_ bytes: [UInt8]) { key = SymmetricKey(data: bytes) }

  /// - Throws: `LaunchFailure.badHome` where it is not there, or damaged.
  static func load(_ home: Home) throws(LaunchFailure) -> DatabaseKey {
    let text = try WholeFile.read(home.databaseKeyFile)
    let digits = text.map { String(decoding: $0, as: UTF8.self).filter { $0 != "\n" } }
    guard let bytes = digits.flatMap({ bytes(hex: $0) }), bytes.count == bytesCount else {
      throw .badHome(
        path: home.databaseKeyFile,
        reason:
          "it is missing or not \(bytesCount) bytes in hex. The passwords of the services' roles follow from it: "
          + "restore it from your backup")
    }
    return DatabaseKey(bytes)
  }

  static func loadOrMake(
    _ home: Home, _ randomness: Randomness
  ) throws(LaunchFailure) -> DatabaseKey {
    guard !WholeFile.exists(home.databaseKeyFile) else { return try load(home) }
    let bytes = randomness.bytes(bytesCount)
    try WholeFile.write(Array("\(hexText(bytes))\n".utf8), to: home.databaseKeyFile)
    return DatabaseKey(bytes)
  }

  /// 256 bits as hex.
  func password(of role: String) -> String { derived("password of \(role)") }

  /// Tells this home's roles and schemas from those of others, and says nothing of the key.
  var mark: String { "strongroom \(derived("mark").prefix(16))" }

  private func derived(_ purpose: String) -> String {
    hexText(Array(HMAC<SHA256>.authenticationCode(for: Array(purpose.utf8), using: key)))
  }
}
