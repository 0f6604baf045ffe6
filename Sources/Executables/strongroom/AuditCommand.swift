import ArgumentParser
import Chassis
import Commands
import Foundation
import Launcher
import MerkleLog
import OperatorCommands
import StrictJSON
import Vocabulary

struct AuditCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "Prove that the audit log is whole.",
    subcommands: [AuditVerifyCommand.self, AuditArchiveCommand.self])
}

struct AuditVerifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Verify the whole log, or one receipt, from files alone.",
    discussion: """
      Needs no running platform. The log: the checkpoint's signature, every record against its hash, \
      every tile, the root, and with --checkpoint that the log still begins as that one said. It may grow \
      meanwhile. With --since-checkpoint only the records that came after that one are read, and the root over all: \
      enough for whoever verified the log when they saved it.
      A receipt (--receipt): that the log with this key vouches for the record in it.
      The key should come from elsewhere than the log: save log.vkey on another machine once, and \
      give it with --key. Exit code 1 when something was changed, removed or reordered.
      """)

  @OptionGroup var place: PlaceOptions

  @Option(help: ArgumentHelp("The log's folder (default HOME/data/audit/log).", valueName: "dir"))
  var log: String?

  @Option(help: ArgumentHelp("A signed checkpoint saved earlier.", valueName: "file"))
  var checkpoint: String?

  @Option(
    help: ArgumentHelp(
      "The same, and read only what came since: takes as long as that, however long the log is.",
      valueName: "file"))
  var sinceCheckpoint: String?

  @Option(
    help: ArgumentHelp("Verify this receipt (C2SP tlog-proof), not the log.", valueName: "file"))
  var receipt: String?

  @Option(
    help: ArgumentHelp(
      "The log's verifier key (default: the log's own log.vkey).", valueName: "file"))
  var key: String?

  func validate() throws {
    guard checkpoint == nil || sinceCheckpoint == nil else {
      throw ValidationError("give --checkpoint or --since-checkpoint, not both")
    }
  }

  func run() async throws {
    try await reporting(json: place.json) {
      let folder = try log ?? "\(place.place().dataFolder)/audit/log"
      let keyFile = key ?? "\(folder)/\(LogFiles.verifierKeyPath)"
      let text = String(decoding: try bytes(keyFile, "verifier key"), as: UTF8.self)
      guard let key = VerifierKey(text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
        throw OperatorFailure("\(keyFile) is not a verifier key (C2SP signed-note)", .badInput)
      }
      if let receipt { try verifyReceipt(receipt, key) } else { try verifyLog(folder, key) }
    }
  }

  private func bytes(_ path: String, _ what: String) throws -> [UInt8] {
    guard let bytes = try WholeFile.read(path) else {
      throw OperatorFailure("there is no \(what) at \(path)", .noInput)
    }
    return bytes
  }

  private func verifyReceipt(_ path: String, _ key: VerifierKey) throws {
    guard let receipt = Receipt(try bytes(path, "receipt")) else {
      throw OperatorFailure("\(path) is not a receipt (C2SP tlog-proof with its record)", .badInput)
    }
    do throws(Receipt.Flaw) {
      let signed = try receipt.verify(key: key)
      let record = String(decoding: receipt.entry, as: UTF8.self)
      if place.json {
        printLine(
          .object([
            "sound": .bool(true), "index": .integer(Int64(clamping: receipt.index)),
            "size": .integer(Int64(clamping: signed.size)), "origin": .string(signed.origin),
            "record": (try? JSON.parse(receipt.entry)) ?? .string(record),
          ]))
      } else {
        print(
          "sound: record \(receipt.index) is in the log \(signed.origin) of \(signed.size) records")
        print(LegibleText.ofJSON(record))
      }
    } catch {
      try refuse(["the receipt does not prove its record: \(error)"])
    }
  }

  private func verifyLog(_ folder: String, _ key: VerifierKey) throws {
    let older = try (checkpoint ?? sinceCheckpoint).map { try bytes($0, "checkpoint") }
    let progress = LongWork("Verifying the log", "records", isTold: !place.json)
    let report = LogVerification(files: AuditLogFolder.files(folder), key: key).verify(
      older: older, sinceCheckpoint == nil ? .whole : .sinceOlder
    ) { progress.tell($0, of: $1) }
    progress.finish()
    guard report.isSound, let signed = report.checkpoint else {
      return try refuse(report.findings.map(\.description))
    }
    if place.json {
      printLine(
        .object([
          "sound": .bool(true), "origin": .string(signed.origin),
          "size": .integer(Int64(clamping: signed.size)), "root": .string(signed.root.base64),
          "tiles": .integer(Int64(clamping: report.tiles)),
          "entries": .integer(Int64(clamping: report.entries)),
          "from": .integer(Int64(clamping: report.from)),
          "expired": .integer(Int64(clamping: report.expired)),
        ]))
    } else {
      if report.expired > 0 {
        print(
          "the first \(report.expired) records are kept no longer, by the log's own signed word; their hashes are"
        )
      }
      print("sound: \(report.entries) records and \(report.tiles) tiles of \(signed.origin)")
      print(
        "root \(signed.root.base64)"
          + (older == nil ? "" : ", an extension of the saved checkpoint"))
    }
  }

  private func refuse(_ findings: [String]) throws {
    if place.json {
      printLine(.object(["sound": .bool(false), "findings": .array(findings.map { .string($0) })]))
    } else {
      for finding in findings { complain("NOT SOUND: \(finding)") }
    }
    throw ArgumentParser.ExitCode(CommandExit.failed.rawValue)
  }
}
