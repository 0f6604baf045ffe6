import ArgumentParser
package import Chassis
import Commands
package import Launcher
import Sealing
import Vocabulary

/// Options of `up` about what a home keeps, and how.
package struct KeepingOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Room that each service keeps on its disk to finish what was begun (1–1048576); 0: the default, 256 or less.",
      discussion: """
        With less than that no new work is taken; with less than four times as much 'status' and an audit \
        record give the alarm.
        """, valueName: "MiB"))
  var diskReserveMib: Int?

  @Option(
    help: ArgumentHelp(
      "File with the passphrase under which the root key is sealed; nobody else may read it.",
      discussion: """
        For a home that is so protected; at a terminal the passphrase is asked for. A new home is made so. \
        See 'root-key'.
        """, valueName: "file"))
  var rootKeyPassphraseFile: String?

  package init() {}

  package func validate() throws {
    if let diskReserveMib, diskReserveMib != 0,
      !DiskRoom.reserveMiBRange.contains(diskReserveMib)
    {
      throw ValidationError("--disk-reserve-mib must be from 0 to 1048576")
    }
  }

  func apply(to wishes: inout LauncherRun.Wishes) {
    wishes.diskReserveMiB = diskReserveMib
  }

  /// The root key for the launcher; nil where it lies open.
  /// - Throws: `OperatorFailure`, also for a wrong passphrase, before anything is started.
  package func rootKey(of home: Home, _ place: PlaceOptions) throws -> HandedRootKey? {
    do {
      return try handedRootKey(of: home, place)
    } catch let flaw as SealedRootKey.Flaw {
      throw Passphrase.failure(of: flaw)
    }
  }

  private func handedRootKey(of home: Home, _ place: PlaceOptions) throws -> HandedRootKey? {
    switch try RootKeyFile.state(in: home) {
    case .both:
      throw OperatorFailure("\(home.rootKeyFile): \(RootKeyFile.isInBetween)", .cannotCreate)
    case .sealed(let sealed):
      let passphrase = try Passphrase.read(rootKeyPassphraseFile, of: home)
      return try HandedRootKey(opening: sealed, with: passphrase)
    case .open:
      guard rootKeyPassphraseFile == nil else {
        throw OperatorFailure(
          "the root key of this home is not sealed. Seal it first: \(place.printed.text("root-key", "protect"))",
          .usage)
      }
      return nil
    case .absent:
      guard let rootKeyPassphraseFile else { return nil }
      let passphrase = try Passphrase.read(rootKeyPassphraseFile, of: home)
      return try HandedRootKey(newUnder: passphrase, randomness: .system)
    }
  }

  /// The same options as words for another process.
  var words: [String] { diskReserveMib.map { ["--disk-reserve-mib", "\($0)"] } ?? [] }
}
