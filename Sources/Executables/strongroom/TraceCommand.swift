import ArgumentParser
import AuditAPI
import Chassis
import Commands
import Demo
import Foundation
import Launcher
import LedgerAPI
import MerkleLog
import OperatorCommands
import StrictJSON
import Vocabulary

struct TraceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trace", abstract: "One transaction's whole story, by payment or correlation id.",
    discussion: """
      First what is proved: the access decisions and money events that services recorded for it and to which the hops \
      lead, with the ledger's entries and a verified receipt. Then what services merely say of it: records to which \
      nothing leads, and lines of their logs, in which a service writes what it likes. All lines: \
      'strongroom logs --correlation ID'.
      """)

  @OptionGroup var place: PlaceOptions

  @Argument(help: "A correlation id (32 hex digits) or a payment id.")
  var id: String

  func run() async throws {
    try await reporting(json: place.json) {
      let (home, charters, line) = try place.running()
      let desk = OperatorDesk(line: line, randomness: .system)
      let correlation = try await find(home, desk)
      let story = try await PaymentStory.gather(
        correlation, desk: desk, verifierKey: AuditLogFolder.verifierKey(of: home))
      guard !story.records.isEmpty else {
        throw OperatorFailure("nothing is recorded under \(correlation)", .noInput)
      }
      let path = TracePath(story.records.map(\.record), in: charters)
      let claims = LogClaims.read(home, correlation)
      if place.json {
        print(LegibleText.ofJSON(try json(story, path, claims)))
      } else {
        let more = place.printed.text("logs", "--correlation", "\(correlation)")
        let lines =
          StoryLayout.lines(story, path, .output) + [""]
          + StoryLayout.claims(claims, path, more: more, .output)
        print(lines.joined(separator: "\n"))
      }
    }
  }

  private func json(
    _ story: PaymentStory, _ path: TracePath, _ claims: [StoredLine]
  ) throws -> String {
    let records = try story.records.map { logged -> JSON in
      var members = try JSON.parse(StrictJSON.encode(logged)).object ?? [:]
      members["on_path"] = .bool(path.leads(to: logged.record))
      return .object(members)
    }
    let said = claims.map { line -> JSON in
      [
        "service": .string(line.source), "on_path": .bool(path.isOn(log: line.source)),
        "line": .string(line.text),
      ]
    }
    let whole: JSON = [
      "correlation": .string("\(story.correlation)"),
      "path": .array(path.services.map { .string("\($0)") }), "records": .array(records),
      "claims": .array(said),
    ]
    return String(decoding: whole.canonicalBytes, as: UTF8.self)
  }

  /// A payment is found where the ledger holds money for it; where it never came so far, by what logs say of it, which counts
  /// only where the records under that id name the payment as well.
  private func find(_ home: Home, _ desk: OperatorDesk) async throws -> CorrelationID {
    if let correlation = CorrelationID(id) { return correlation }
    guard PaymentID(id) != nil else {
      throw OperatorFailure(
        "'\(id)' is neither a correlation id (32 hex digits) nor a payment id (a UUID)", .usage)
    }
    let held = try await desk.call(
      LedgerOperations.findTransfers, Nothing(), query: ["payment_id": id, "limit": "1"])
    if let correlation = held.transfers.first?.correlationID { return correlation }
    let said = LogClaims.correlations(naming: id, in: home)
    for correlation in said.prefix(Self.candidatesMax) {
      let page = try await desk.call(
        AuditOperations.findRecords, Nothing(),
        query: ["correlation": "\(correlation)", "limit": "\(AuditOperations.recordsMax)"])
      if page.records.contains(where: { $0.record.detail["payment"] == id }) { return correlation }
    }
    throw OperatorFailure(
      said.isEmpty
        ? "neither the ledger nor a log line names the payment \(id); a process that was killed may have taken its last "
          + "lines along, so ask by the correlation_id of the payment itself"
        : "log lines name the payment \(id), and no record under their correlation ids does: they are not believed",
      .noInput)
  }

  /// Correlation ids that are looked at because logs name a payment with them; a hostile log may name many.
  private static let candidatesMax = 8
}

extension StoryLayout {
  /// Lines that are shown of all logs together.
  private static let claimsMax = 30

  /// What logs say, each line marked as its service's word.
  static func claims(
    _ claims: [StoredLine], _ path: TracePath, more: String, _ terminal: Terminal
  ) -> [String] {
    guard !claims.isEmpty else { return ["no service's log says anything of it"] }
    var lines = [
      "what the services' logs say of it; each line is its service's word and proves nothing:"
    ]
    for claim in claims.prefix(claimsMax) {
      let off =
        path.isOn(log: claim.source)
        ? ""
        : "  " + terminal.styled("[\(LegibleText.of(claim.source)) was not on this path]", .yellow)
      lines.append("  " + LineLayout.layout(LegibleLine(claim), terminal) + off)
    }
    if claims.count > claimsMax {
      lines.append("  and \(claims.count - claimsMax) more: \(more)")
    }
    return lines
  }
}

/// What logs say: each line is the word of the service that wrote it.
enum LogClaims {
  /// Lines with this correlation id, by time.
  static func read(_ home: Home, _ correlation: CorrelationID) -> [StoredLine] {
    lines(of: home, LogMerge(correlation: "\(correlation)"))
  }

  /// The correlation ids of lines that hold a text, each once, in the order of the lines.
  static func correlations(naming text: String, in home: Home) -> [CorrelationID] {
    var seen: Set<CorrelationID> = []
    return lines(of: home, LogMerge(containing: text)).compactMap { line in
      line.correlation.flatMap { CorrelationID($0) }
    }.filter { seen.insert($0).inserted }
  }

  private static func lines(of home: Home, _ merge: LogMerge) -> [StoredLine] {
    let folder = LogFolder(home: home, services: [])
    var position = LogFolder.Position()
    return LogMerge.ordered(folder.older(merge) + folder.next(merge, &position))
  }
}
