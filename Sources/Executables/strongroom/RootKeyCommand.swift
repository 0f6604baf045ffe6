import ArgumentParser
import Chassis
import Commands
import Launcher
import OperatorCommands
import Sealing
import StrictJSON
import Vocabulary

struct RootKeyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "root-key",
    abstract: "Seal the root key under a passphrase, or lay it open again.",
    discussion: """
      The root key seals all others. Open it lies in keys/root.key; sealed, whoever copies the home's files cannot use \
      them without the passphrase, and each 'up' needs it. Each guess at a passphrase costs what argon2id costs \
      (64 MiB and three passes unless told). While the platform runs, the launcher holds the key in memory, for \
      the authority's next start.
      """,
    subcommands: [ProtectRootKeyCommand.self, UnprotectRootKeyCommand.self])
}

struct ProtectRootKeyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "protect",
    abstract: "Seal the root key under a passphrase (while the platform is down).",
    discussion: """
      Asked for at the terminal, twice, or read from a file. Who loses it loses all that is sealed on disk: \
      keep a copy where the platform is not. Backups from before still hold the open key.
      """)

  @OptionGroup var place: PlaceOptions

  @Option(
    help: ArgumentHelp("File with the passphrase; nobody else may read it.", valueName: "file"))
  var passphraseFile: String?

  @Option(help: ArgumentHelp("Memory that a guess takes, 19–1024.", valueName: "MiB"))
  var memoryMib = SealedRootKey.Cost.default.memoryKiB / 1_024

  @Option(help: ArgumentHelp("Passes over it, 2–16.", valueName: "n"))
  var passes = SealedRootKey.Cost.default.passes

  func validate() throws {
    guard SealedRootKey.Cost.memoryRange.contains(memoryMib * 1_024) else {
      throw ValidationError("--memory-mib must be from 19 to 1024")
    }
    guard SealedRootKey.Cost.passesRange.contains(passes) else {
      throw ValidationError("--passes must be from 2 to 16")
    }
  }

  func run() async throws {
    try await reporting(json: place.json) {
      let (home, _) = try place.made()
      let lock = try HomeLock.take(home)
      defer { withExtendedLifetime(lock) {} }
      if case .sealed = try RootKeyFile.state(in: home) {
        throw OperatorFailure(
          "the root key is sealed already. For another passphrase: 'root-key unprotect' first",
          .usage)
      }
      let passphrase = try Passphrase.read(passphraseFile, of: home, isNew: true)
      do {
        try RootKeyFile.protect(
          home, with: passphrase,
          cost: SealedRootKey.Cost(memoryKiB: memoryMib * 1_024, passes: passes),
          randomness: .system)
      } catch let flaw as SealedRootKey.Flaw {
        throw Passphrase.failure(of: flaw)
      }
      place.json
        ? printLine(.object(["root_key": "sealed"]))
        : print("the root key is sealed; each 'up' asks for the passphrase now")
    }
  }
}

struct UnprotectRootKeyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unprotect", abstract: "Lay the root key open again (while the platform is down).")

  @OptionGroup var place: PlaceOptions

  @Option(
    help: ArgumentHelp("File with the passphrase; nobody else may read it.", valueName: "file"))
  var passphraseFile: String?

  func run() async throws {
    try await reporting(json: place.json) {
      let (home, _) = try place.made()
      let lock = try HomeLock.take(home)
      defer { withExtendedLifetime(lock) {} }
      switch try RootKeyFile.state(in: home) {
      case .absent, .open: throw OperatorFailure("the root key is not sealed", .usage)
      case .sealed, .both: break
      }
      let passphrase = try Passphrase.read(passphraseFile, of: home)
      do {
        try RootKeyFile.unprotect(home, with: passphrase)
      } catch let flaw as SealedRootKey.Flaw {
        throw Passphrase.failure(of: flaw)
      }
      place.json
        ? printLine(.object(["root_key": "open"]))
        : print("the root key lies open in \(home.rootKeyFile)")
    }
  }
}
