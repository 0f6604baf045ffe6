package import Chassis
package import Glibc
package import Sealing
import Vocabulary

/// The key that seals all others: 32 bytes from `DIR/keys/root.key`, or from the launcher where that is sealed under a
/// passphrase. Never in argv, environment, store or log.
package enum RootKey {
  /// Bytes of the key file: 64 hex digits and a line end.
  static let fileBytesMax = 66

  /// - Parameters:
  ///   - owner: whose the key file must be.
  ///   - input: where the launcher puts a key that is sealed.
  /// - Throws: `StartFailure` with one line and what to do about it.
  package static func load(
    from home: Home, ownedBy owner: uid_t = geteuid(), input: Int32 = STDIN_FILENO
  ) throws(StartFailure) -> Keyring {
    let bytes: [UInt8]
    if access(home.rootKeyFile, F_OK) != 0, access(home.sealedRootKeyFile, F_OK) == 0 {
      bytes = try handed(on: input)
    } else {
      bytes = try file(home.rootKeyFile, ownedBy: owner)
    }
    do {
      return try Keyring(keys: [1: bytes], current: 1)
    } catch {
      throw StartFailure("the root key is not 32 bytes", hint: "restore it from its backup")
    }
  }

  private static func file(_ path: String, ownedBy owner: uid_t) throws(StartFailure) -> [UInt8] {
    let text = try contents(of: path, ownedBy: owner, bytesMax: fileBytesMax)
    var digits = text[...]
    while digits.last == 0x0a || digits.last == 0x0d { digits = digits.dropLast() }
    guard digits.count == 64,
      let key = Vocabulary.bytes(hex: String(decoding: digits, as: UTF8.self))
    else {
      throw StartFailure(
        "\(path) does not hold 64 lower-case hex digits", hint: "restore it from its backup")
    }
    return key
  }

  /// Refuses a key that anybody else could have read or replaced.
  private static func contents(
    of path: String, ownedBy owner: uid_t, bytesMax: Int
  ) throws(StartFailure) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw StartFailure(
        "cannot read \(path): \(String(cString: strerror(errno)))",
        hint: "a new platform gets one from `strongroom up`; restore a lost one from its backup")
    }
    defer { close(descriptor) }
    var facts = stat()
    guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
      throw StartFailure("\(path) is not a file", hint: "restore it from its backup")
    }
    guard facts.st_uid == owner, facts.st_mode & 0o077 == 0 else {
      throw StartFailure(
        "\(path) can be read by others", hint: "chmod 600 it, and make it yours with chown")
    }
    var bytes = [UInt8](repeating: 0, count: bytesMax + 1)
    let count = read(descriptor, &bytes, bytes.count)
    guard count >= 0, count <= bytesMax else {
      throw StartFailure("\(path) is too long", hint: "restore it from its backup")
    }
    return Array(bytes.prefix(count))
  }

  /// One line from standard input, where the launcher puts it at each of our starts.
  private static func handed(on input: Int32) throws(StartFailure) -> [UInt8] {
    var line: [UInt8] = []
    var byte: UInt8 = 0
    while line.count < fileBytesMax, read(input, &byte, 1) == 1, byte != 0x0a { line.append(byte) }
    defer { for index in line.indices { line[index] = 0 } }
    guard line.count == 64,
      let key = Vocabulary.bytes(hex: String(decoding: line, as: UTF8.self))
    else {
      throw StartFailure(
        "the root key is sealed under a passphrase, and nobody handed it over",
        hint: "run `strongroom up` at a terminal, or with --root-key-passphrase-file")
    }
    return key
  }
}
