import CArgon2
import Chassis
import Glibc
import Sealing
import StrictJSON
import Tokens
import Vocabulary

/// The key that seals all others: 32 bytes from `DIR/keys/root.key`, or derived from a passphrase
/// where `DIR/keys/passphrase.json` lies instead. Never in argv, environment, store or log.
enum RootKey {
  /// Bytes of the key file: 64 hex digits and a line end.
  static let fileBytesMax = 66
  static let passphraseBytes = 12...1_024
  /// Bounds for the parameters in `passphrase.json`: enough to be slow, not enough to stop the
  /// machine.
  static let memoryKiB = 19_456...1_048_576
  static let passes = 2...16

  /// - Parameter owner: whose the key file must be.
  /// - Throws: `StartFailure` with one line and what to do about it.
  static func load(
    from home: Home, ownedBy owner: uid_t = geteuid()
  ) throws(StartFailure) -> Keyring {
    let bytes: [UInt8]
    let passphraseFile = "\(home.path)/keys/passphrase.json"
    if access(home.rootKeyFile, F_OK) != 0, access(passphraseFile, F_OK) == 0 {
      bytes = try derived(with: passphraseFile)
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

  /// `{"salt": base64url of 16–64 bytes, "memory_kib": …, "passes": …}`; argon2id, one lane (RFC
  /// 9106).
  private struct Recipe: Decodable {
    let salt: String
    let memoryKiB: Int
    let passes: Int
    enum CodingKeys: String, CodingKey { case salt, memoryKiB = "memory_kib", passes }
  }

  private static func derived(with path: String) throws(StartFailure) -> [UInt8] {
    let text = try contents(of: path, ownedBy: geteuid(), bytesMax: 1_024)
    guard let recipe = try? StrictJSON.decode(Recipe.self, from: text),
      let salt = Base64URL.decode(recipe.salt), (16...64).contains(salt.count),
      memoryKiB.contains(recipe.memoryKiB), passes.contains(recipe.passes)
    else {
      throw StartFailure("\(path) is not a passphrase recipe", hint: "restore it from its backup")
    }
    var passphrase = try passphrase()
    defer { for index in passphrase.indices { passphrase[index] = 0 } }
    var key = [UInt8](repeating: 0, count: 32)
    let status = argon2id_hash_raw(
      UInt32(recipe.passes), UInt32(recipe.memoryKiB), 1, passphrase, passphrase.count, salt,
      salt.count, &key, key.count)
    guard status == 0 else {
      throw StartFailure(
        "the passphrase cannot be processed (argon2 \(status))",
        hint: "free \(recipe.memoryKiB / 1_024) MiB of memory")
    }
    return key
  }

  /// One line from standard input: typed without echo, or written there by the launcher.
  private static func passphrase() throws(StartFailure) -> [UInt8] {
    var before = termios()
    let isTerminal = isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &before) == 0
    if isTerminal {
      var silent = before
      silent.c_lflag &= ~tcflag_t(ECHO)
      tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
      let prompt = Array("root passphrase: ".utf8)
      _ = write(STDERR_FILENO, prompt, prompt.count)
    }
    defer { if isTerminal { tcsetattr(STDIN_FILENO, TCSAFLUSH, &before) } }
    var line: [UInt8] = []
    var byte: UInt8 = 0
    while line.count <= passphraseBytes.upperBound, read(STDIN_FILENO, &byte, 1) == 1,
      byte != 0x0a
    { line.append(byte) }
    guard passphraseBytes.contains(line.count) else {
      throw StartFailure(
        "no passphrase of 12 to 1024 bytes on standard input",
        hint: "type it at the terminal, or let the launcher write it there")
    }
    return line
  }
}
