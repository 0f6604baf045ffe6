import ArgumentParser
import Chassis
import Commands
import DurableFiles
import Foundation
import Launcher
import MerkleLog
import OperatorCommands
import Sandbox
import StrictJSON
import Vocabulary

struct AuditArchiveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "archive",
    abstract: "Keep a copy of the log that verifies by itself, before its records' time is over.",
    discussion: """
      Copies what the newest checkpoint covers, while the log grows; a second time into the same folder only \
      what is new, and what the log keeps no longer stays there. Then verifies it as \
      'strongroom audit verify --log DIR' does. Keep log.vkey elsewhere too: a log does not vouch for itself.
      """)

  @OptionGroup var place: PlaceOptions

  @Argument(
    help: ArgumentHelp("The archive's folder; made where it is not there.", valueName: "dir"))
  var folder: String

  @Option(help: ArgumentHelp("The log's folder (default HOME/data/audit/log).", valueName: "dir"))
  var log: String?

  func run() async throws {
    try await reporting(json: place.json) {
      let source = try log.map { absolutePath($0) } ?? "\(place.place().dataFolder)/audit/log"
      let target = absolutePath(folder)
      let archive = try LogArchive(from: source, to: target)
      let progress = LongWork("Copying the log", "files", isTold: !place.json)
      let copied = try archive.copy { progress.tell($0, of: $1) }
      progress.finish()
      let verifying = LongWork("Verifying the copy", "records", isTold: !place.json)
      // All of it each time: what was copied before may have been damaged since, and the originals may be gone soon.
      let report = LogVerification(files: AuditLogFolder.files(target), key: archive.key).verify(
        older: copied.earlier
      ) { verifying.tell($0, of: $1) }
      verifying.finish()
      guard report.isSound, let signed = report.checkpoint else {
        throw OperatorFailure(
          "the archive is not sound: \(report.findings.map(\.description).joined(separator: " "))",
          .failed)
      }
      if place.json {
        printLine(
          .object([
            "sound": .bool(true), "size": .integer(Int64(clamping: signed.size)),
            "files": .integer(Int64(copied.files)), "folder": .string(target),
          ]))
      } else {
        print(
          "sound: \(signed.size) records of \(signed.origin) in \(target), \(copied.files) files new"
        )
        print(
          "See: \(place.printed.text("audit", "verify", "--log", target, isAboutHome: false))")
      }
    }
  }
}

/// A log's folder copied into another, which may hold an earlier state of the same log.
struct LogArchive {
  let key: VerifierKey
  private let source: String
  private let target: String
  private let keyText: [UInt8]

  struct Copied {
    /// Files that were not there before.
    var files = 0
    /// The checkpoint that was there before.
    var earlier: [UInt8]?
  }

  /// - Throws: `OperatorFailure` where the source has no key.
  init(from source: String, to target: String) throws {
    guard let text = try? WholeFile.read("\(source)/\(LogFiles.verifierKeyPath)"),
      let key = VerifierKey(
        String(decoding: text, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
    else { throw OperatorFailure("there is no audit log at \(source)", .noInput) }
    self.key = key
    self.source = source
    self.target = target
    keyText = text
    try Self.requireArchive(target, of: source)
  }

  /// A folder with something else in it is not written into, nor is the log its own archive.
  private static func requireArchive(_ target: String, of source: String) throws {
    guard let facts = FileFacts(at: target) else { return }
    guard facts.isFolder else {
      throw OperatorFailure(
        "\(target) is no folder. Name one that is new, or an archive", .badInput)
    }
    guard facts.identity.inode != FileFacts(at: source)?.identity.inode else {
      throw OperatorFailure("\(target) is the log itself. Name another folder", .badInput)
    }
    let names = WholeFile.names(in: target)
    guard names.isEmpty || names.contains(LogFiles.verifierKeyPath) else {
      throw OperatorFailure(
        "\(target) has something else in it. Name a folder that is new, or an archive", .badInput)
    }
  }

  /// The checkpoint first, then what it covers, then its own file: whoever reads the archive meanwhile finds the earlier one
  /// or the newer one, whole.
  func copy(_ progress: (_ files: UInt64, _ of: UInt64) -> Void) throws -> Copied {
    let from = AuditLogFolder.files(source)
    guard let note = from.read(LogFiles.checkpointPath) else {
      throw OperatorFailure("there is no checkpoint at \(source)", .noInput)
    }
    let signed: Checkpoint
    do { signed = try Checkpoint.verified(note, by: key) } catch {
      throw OperatorFailure("the checkpoint at \(source) is not to be believed: \(error)", .failed)
    }
    var copied = Copied()
    let there = AuditLogFolder.files(target)
    copied.earlier = there.read(LogFiles.checkpointPath)
    if copied.earlier != nil, there.read(LogFiles.verifierKeyPath) != keyText {
      throw OperatorFailure("\(target) is the archive of another log", .badInput)
    }
    let first = copied.earlier.flatMap { try? Checkpoint.verified($0, by: key).size } ?? 0
    // What goes while this runs is said to be over by then.
    let addresses = TileAddress.files(of: signed.size, from: min(first, signed.size))
    var files: [File] = []
    for (place, address) in addresses.enumerated() {
      if let file = try file(address, from, there) {
        files.append(file)
        copied.files += 1
      }
      if files.count == Self.filesAtOnce || place == addresses.count - 1 {
        try write(files)
        files = []
      }
      progress(UInt64(place + 1), UInt64(addresses.count))
    }
    if let dates = from.read(LogFiles.retentionPath) {
      try write([(LogFiles.retentionPath, dates)])
    }
    try write([(LogFiles.verifierKeyPath, keyText)])
    try write([(LogFiles.checkpointPath, note)])
    return copied
  }

  private typealias File = (path: String, bytes: [UInt8])
  /// A folder is synced once for so many files in it.
  private static let filesAtOnce = 256

  /// - Returns: nil where the archive has it already, or its time is over.
  private func file(
    _ address: TileAddress, _ from: LogFiles, _ there: LogFiles
  ) throws -> File? {
    let packed = PackedBundle.path(of: address.path)
    let isThere = [address.path, packed].compactMap { $0 }.contains {
      FileManager.default.fileExists(atPath: "\(target)/\($0)")
    }
    guard !isThere else { return nil }
    guard var bytes = from.read(address.path) ?? from.read(address.full.path) else {
      // A bundle whose time is over; where it is not, the verification says so.
      return nil
    }
    if address.isPartial, from.read(address.path) == nil { bytes = try cut(bytes, to: address) }
    if let packed, let small = PackedBundle.packed(bytes) { return (packed, small) }
    return (address.path, bytes)
  }

  /// The part of a full file that a partial one was.
  private func cut(_ bytes: [UInt8], to address: TileAddress) throws -> [UInt8] {
    guard address.content == .entries else {
      return Array(bytes.prefix(address.width * TreeHash.byteCount))
    }
    let entries = EntryBundle.parse(bytes)?.prefix(address.width) ?? []
    return entries.flatMap { EntryBundle.framed(Array($0)) ?? [] }
  }

  private func write(_ files: [File]) throws {
    do {
      for (path, _) in files {
        try FileManager.default.createDirectory(
          at: URL(filePath: "\(target)/\(path)").deletingLastPathComponent(),
          withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      }
      try DurableFile.write(files.map { ("\(target)/\($0.path)", $0.bytes) }, .ownersOnly)
    } catch let error as DurableFile.Failure {
      throw OperatorFailure("\(error)", .unavailable)
    } catch {
      throw OperatorFailure("\(target): \(error.localizedDescription)", .unavailable)
    }
  }
}
