import ArgumentParser
import Chassis
import Commands
import Foundation
import Launcher
import LedgerAPI
import LedgerText
import OperatorCommands
import StrictJSON
import Vocabulary

struct LedgerImportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Makes the transfers of a CSV file on the running platform.",
    discussion: """
      The columns of 'export --format csv', the first six at least, or those that the first line names: id, \
      debit_account, credit_account, amount in minor units, currency, code. Fields as in RFC 4180. The \
      accounts must exist. The file is judged whole before anything moves: one faulty line, and nothing is \
      made (exit code 65). Safe to repeat: an id is used once, for ever.
      """)

  @Argument(help: "CSV file.")
  var file: String

  @Option(
    help: ArgumentHelp(
      "Judge and make this many transfers at a time, 1–8,190: a faulty part is left out and told, the others are made.",
      valueName: "count"))
  var parts: Int?

  @OptionGroup var place: PlaceOptions

  /// Refused lines that are told one by one.
  private static let refusalsTold = 100

  func validate() throws {
    guard parts.map({ (1...LedgerLimits.batchMax).contains($0) }) ?? true else {
      throw ValidationError("--parts must be 1–\(LedgerLimits.batchMax)")
    }
  }

  func run() async throws {
    try await reporting(json: place.json) {
      guard let bytes = try WholeFile.read(file) else {
        throw OperatorFailure("'\(file)' cannot be read", .noInput)
      }
      let today = Clock.system.now().day.daysSinceEpoch
      let transfers = TransferFile(
        bytes, lastDay: CivilDate(daysSinceEpoch: today + LedgerLimits.bookedDaysAheadMax))
      guard parts != nil || transfers.faults.isEmpty else {
        throw refusal(transfers.faults, transfers.faultCount)
      }
      let (_, _, line) = try place.running()
      let desk = OperatorDesk(line: line, randomness: .system)
      let unknown = try await unknownAccounts(transfers.lines, desk)
      guard parts != nil || unknown.isEmpty else {
        throw refusal(
          Array(unknown.prefix(TransferFile.faultsMax)), unknown.count)
      }
      var report = ImportReport(faults: transfers.faults + unknown)
      try await make(transfers.lines, desk, &report)
      try show(report)
    }
  }

  private func refusal(_ faults: [TransferFile.Fault], _ count: Int) -> OperatorFailure {
    let untold = count - faults.count
    return OperatorFailure(
      "\(file) has \(count) \(count == 1 ? "fault" : "faults"); nothing was made\n"
        + faults.map { "  \($0)" }.joined(separator: "\n")
        + (untold > 0 ? "\n  and \(untold) more" : ""), .badInput)
  }

  /// A fault for each line whose account is not there, or keeps another currency.
  private func unknownAccounts(
    _ lines: [TransferFile.Line], _ desk: OperatorDesk
  ) async throws -> [TransferFile.Fault] {
    let ids = Array(Set(lines.flatMap { [$0.debitAccount, $0.creditAccount] }))
    let work = LongWork("Looking for accounts", of: ids.count, "accounts", isTold: !place.json)
    defer { work.finish() }
    var currencies: [AccountID: Currency] = [:]
    for start in stride(from: 0, to: ids.count, by: LedgerLimits.batchMax) {
      let part = Array(ids[start..<min(ids.count, start + LedgerLimits.batchMax)])
      let found = try await desk.call(LedgerOperations.lookupAccounts, AccountIDs(ids: part))
      for account in found.accounts { currencies[account.id] = account.currency }
      work.add(part.count)
    }
    return lines.flatMap { line -> [TransferFile.Fault] in
      [(TransferFile.Column.debitAccount, line.debitAccount), (.creditAccount, line.creditAccount)]
        .compactMap { column, id in
          guard let currency = currencies[id] else {
            return TransferFile.Fault(
              line: line.number, column: column, "there is no account \(id)")
          }
          guard currency == line.amount.currency else {
            return TransferFile.Fault(
              line: line.number, column: column, "the account keeps \(currency.code)")
          }
          return nil
        }
    }
  }

  private func make(
    _ lines: [TransferFile.Line], _ desk: OperatorDesk, _ report: inout ImportReport
  ) async throws {
    let faulty = Set(report.faults.map(\.line))
    let size = parts ?? LedgerLimits.batchMax
    let work = LongWork("Making transfers", of: lines.count, "transfers", isTold: !place.json)
    defer { work.finish() }
    for start in stride(from: 0, to: lines.count, by: size) {
      let batch = Array(lines[start..<min(lines.count, start + size)])
      let span = (batch.first?.number ?? 0)...(batch.last?.number ?? 0)
      defer { work.add(batch.count) }
      guard faulty.isDisjoint(with: span) else {
        report.leftOut.append(span)
        continue
      }
      do {
        let answer = try await desk.call(
          LedgerOperations.createTransfers, NewTransfers(transfers: batch.map(NewTransfer.init)))
        report.take(answer.results, of: batch)
      } catch {
        throw OperatorFailure(
          "lines \(span.lowerBound) to \(span.upperBound) have no answer (\(error)); \(report.summary) "
            + "before them. The same file again makes what is missing, once", .unavailable)
      }
    }
  }

  private func show(_ report: ImportReport) throws {
    if place.json {
      printLine(report.json)
    } else {
      print(report.summary)
      for span in report.leftOut {
        print(
          "lines \(span.lowerBound) to \(span.upperBound): left out, for a line in them is faulty")
      }
      for fault in report.faults.prefix(TransferFile.faultsMax) { print("  \(fault)") }
      for refused in report.refused.prefix(Self.refusalsTold) {
        print("line \(refused.line): \(refused.result)")
      }
    }
    guard report.leftOut.isEmpty, report.faults.isEmpty else {
      throw OperatorFailure("not every part was made", .badInput)
    }
    guard report.refused.isEmpty else {
      throw OperatorFailure(
        "\(report.refused.count) of \(report.total) transfers were refused", .refused)
    }
  }
}

/// What became of a file.
private struct ImportReport {
  var created = 0
  var existed = 0
  var refused: [(line: Int, result: String)] = []
  var leftOut: [ClosedRange<Int>] = []
  let faults: [TransferFile.Fault]

  init(faults: [TransferFile.Fault]) { self.faults = faults }

  var total: Int { created + existed + refused.count }

  mutating func take(_ results: [EventResult], of batch: [TransferFile.Line]) {
    for (result, line) in zip(results, batch) {
      switch result.result {
      case EventResult.created: created += 1
      case EventResult.exists: existed += 1
      default: refused.append((line.number, result.result))
      }
    }
  }

  var summary: String {
    if created == 0, refused.isEmpty, existed > 0 {
      return "all \(existed) transfers had been made before; nothing changed"
    }
    return "\(created) made, \(existed) had been made before, \(refused.count) refused"
  }

  var json: JSON {
    .object([
      "created": .integer(Int64(created)), "existed": .integer(Int64(existed)),
      "refused": .array(
        refused.map { .object(["line": .integer(Int64($0.line)), "result": .string($0.result)]) }),
      "left_out": .array(
        leftOut.map { .array([.integer(Int64($0.lowerBound)), .integer(Int64($0.upperBound))]) }),
      "faults": .array(faults.map { .string($0.description) }),
    ])
  }
}

extension NewTransfer {
  fileprivate init(_ line: TransferFile.Line) {
    self.init(
      id: line.id, amount: line.amount, from: line.debitAccount, to: line.creditAccount,
      code: line.code)
    paymentID = line.paymentID
    correlationID = line.correlationID
    bookedOn = line.bookedOn?.description
  }
}
