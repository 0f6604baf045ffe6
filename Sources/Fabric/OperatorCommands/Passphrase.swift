package import Chassis
import Commands
import Foundation
import Glibc
package import Launcher
import Sandbox
package import Sealing
package import Vocabulary

/// Where a passphrase comes from: a file that only its owner reads, or somebody at a terminal. Never an argument or a variable:
/// others read the list of processes, and children inherit the environment.
package enum Passphrase {
  /// - Parameter isNew: asked for twice at a terminal.
  /// - Throws: `OperatorFailure`.
  package static func read(_ file: String?, of home: Home, isNew: Bool = false) throws -> Secret {
    if let file { return try read(file: file) }
    guard isatty(STDIN_FILENO) == 1 else {
      throw OperatorFailure(
        "the root key of \(home.path) is sealed under a passphrase, and there is no terminal to ask at. Name a file "
          + "that holds it (--root-key-passphrase-file, or --passphrase-file)", .noInput)
    }
    let passphrase = try typed("Passphrase of the root key: ")
    guard isNew else { return passphrase }
    let again = try typed("Once more: ")
    let isSame = passphrase.withBytes { first in
      again.withBytes { second in constantTimeEqual(first, second) }
    }
    guard isSame else { throw OperatorFailure("these were two different passphrases", .usage) }
    return passphrase
  }

  private static func read(file path: String) throws -> Secret {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    defer { if descriptor >= 0 { close(descriptor) } }
    guard descriptor >= 0, let facts = FileFacts(descriptor: descriptor), facts.isFile,
      var bytes = try WholeFile.read(path)
    else { throw OperatorFailure("cannot read the passphrase in \(path)", .noInput) }
    guard facts.mode & 0o077 == 0, [geteuid(), 0].contains(facts.user) else {
      throw OperatorFailure(
        "\(path) can be read by others: chmod 600 it, and make it yours", .usage)
    }
    defer { for index in bytes.indices { bytes[index] = 0 } }
    return try checked(bytes.prefix { $0 != 0x0a && $0 != 0x0d })
  }

  private static func typed(_ prompt: String) throws -> Secret {
    guard let line = getpass(prompt) else { throw OperatorFailure("nothing was typed", .noInput) }
    let count = strlen(line)
    defer { explicit_bzero(line, count) }
    return try checked(UnsafeRawBufferPointer(start: line, count: count))
  }

  private static func checked(_ bytes: some Collection<UInt8>) throws -> Secret {
    guard SealedRootKey.passphraseBytes.contains(bytes.count) else {
      throw OperatorFailure("a passphrase has 12 to 1024 bytes, on one line", .usage)
    }
    return Secret(bytes)
  }

  /// One line, with what to do.
  package static func failure(of flaw: SealedRootKey.Flaw) -> OperatorFailure {
    switch flaw {
    case .wrongPassphrase:
      OperatorFailure(
        "this is not the passphrase of the root key. Try again, or restore keys/root.key.sealed if it was altered",
        .refused)
    case .malformed:
      OperatorFailure("keys/root.key.sealed is damaged. Restore it from your backup", .badInput)
    case .outOfMemory(let mebibytes):
      OperatorFailure(
        "the passphrase takes \(mebibytes) MiB of memory to check: free as much", .system)
    case .unfit:
      OperatorFailure("this key, passphrase or cost cannot be used to seal", .usage)
    }
  }
}
