import ArgumentParser
import AuditAPI
import Chassis
import Demo
import Foundation
import Launcher
import MerkleLog
import StrictJSON
import Vocabulary

struct TraceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trace", abstract: "One transaction's whole story, by payment or correlation id.",
    discussion: """
      Every access decision and money event that the services recorded for it, by time, with the
      ledger's entries and a verified receipt. The raw lines: 'strongroom logs --correlation ID'.
      """)

  @OptionGroup var place: PlaceOptions

  @Argument(help: "A correlation id (32 hex digits) or a payment id.")
  var id: String

  func run() async throws {
    try await reporting(json: place.json) {
      let (home, _, line) = try place.running()
      let desk = OperatorDesk(line: line, randomness: .system)
      let correlation = try find(home)
      let story = try await PaymentStory.gather(
        correlation, desk: desk, verifierKey: VerifierKeyFile.read(home))
      guard !story.records.isEmpty else {
        throw OperatorFailure("nothing is recorded under \(correlation)", .noInput)
      }
      if place.json {
        let records = try StrictJSON.encode(story.records)
        print(String(decoding: records, as: UTF8.self))
      } else {
        print(StoryLayout.lines(story, .output).joined(separator: "\n"))
      }
    }
  }

  /// A payment id is found in the logs, which carry both.
  private func find(_ home: Home) throws -> CorrelationID {
    if let correlation = CorrelationID(id) { return correlation }
    guard PaymentID(id) != nil else {
      throw OperatorFailure(
        "'\(id)' is neither a correlation id (32 hex digits) nor a payment id (a UUID)", .usage)
    }
    let folder = LogFolder(home: home, services: [])
    let merge = LogMerge(containing: id)
    var position = LogFolder.Position()
    let lines = folder.older(merge) + folder.next(merge, &position)
    guard let found = lines.lazy.compactMap({ $0.correlation.flatMap { CorrelationID($0) } }).first
    else {
      throw OperatorFailure(
        "no log line names the payment \(id); a process that was killed may have taken its last lines "
          + "along, so ask by the correlation_id of the payment itself", .noInput)
    }
    return found
  }
}

/// The log's key as it lies beside the log; an auditor compares with a copy from elsewhere.
enum VerifierKeyFile {
  static func read(_ home: Home) -> VerifierKey? {
    guard
      let bytes = try? WholeFile.read(
        "\(home.dataFolder)/audit/log/\(LogFiles.verifierKeyPath)")
    else { return nil }
    return VerifierKey(
      String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
  }
}
