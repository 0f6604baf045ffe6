import LedgerBook
package import Vocabulary

/// A file of transfers to make, as `ledger export --format csv` writes it, judged whole: either every line can be a transfer,
/// or there are faults and nothing may be moved.
package struct TransferFile: Sendable {
  package struct Line: Hashable, Sendable {
    /// As an editor counts, from 1.
    package let number: Int
    package let id: TransferID
    package let debitAccount: AccountID
    package let creditAccount: AccountID
    package let amount: Money
    package let code: UInt16
    package let paymentID: PaymentID?
    package let correlationID: CorrelationID?
    package let bookedOn: CivilDate?
  }
  package struct Fault: Hashable, Sendable, CustomStringConvertible {
    package let line: Int
    /// The column's name; nil where the line as a whole is meant.
    package let column: Column?
    package let reason: String

    package init(line: Int, column: Column? = nil, _ reason: String) {
      self.line = line
      self.column = column
      self.reason = reason
    }
    package var description: String {
      "line \(line)\(column.map { ", \($0.rawValue)" } ?? ""): \(reason)"
    }
  }
  /// In the order of an export.
  package enum Column: String, CaseIterable, Sendable {
    case id, debitAccount = "debit_account", creditAccount = "credit_account", amount, currency
    case code, flags, pendingID = "pending_id", timeoutSeconds = "timeout_seconds"
    case paymentID = "payment_id", correlationID = "correlation_id", bookedOn = "booked_on"
    case sequence, createdAt = "created_at"

    /// A file without them says nothing that could be moved.
    static let needed: [Column] = [.id, .debitAccount, .creditAccount, .amount, .currency, .code]
    /// What the ledger gives itself: an export has them, an import cannot keep them.
    static let given: Set<Column> = [.sequence, .createdAt]
  }

  /// Faults that are told; more are counted only.
  package static let faultsMax = 100

  package private(set) var lines: [Line] = []
  package private(set) var faults: [Fault] = []
  /// All faults, the untold ones too.
  package private(set) var faultCount = 0

  private let lastDay: CivilDate

  /// - Parameters:
  ///   - bytes: the whole file. Its first line may name the columns, in any order; without such a line they are an
  ///     export's, the first six at least.
  ///   - lastDay: nothing is booked for a later one.
  package init(_ bytes: [UInt8], lastDay: CivilDate = CivilDate(daysSinceEpoch: 2_932_896)) {
    self.lastDay = lastDay
    var reader = CSVReader(bytes)
    var layout: Layout?
    var seen: [TransferID: Int] = [:]
    while true {
      do throws(CSVReader.Fault) {
        guard let record = try reader.next() else { break }
        if layout == nil, record.fields.contains(Column.id.rawValue) {
          layout = heading(record)
          if layout == nil { return }
          continue
        }
        let known = layout ?? Layout.export
        layout = known
        guard let line = line(record, known) else { continue }
        if let first = seen.updateValue(line.number, forKey: line.id) {
          note(line.number, .id, "stands in line \(first) already")
        }
        lines.append(line)
      } catch {
        note(error.line, nil, error.reason)
      }
    }
    if lines.isEmpty, faults.isEmpty { note(1, nil, "the file has no transfers") }
  }

  /// Where each column stands.
  private struct Layout {
    let places: [Column: Int]
    let width: ClosedRange<Int>

    static let export = Layout(
      places: Dictionary(
        uniqueKeysWithValues: Column.allCases.enumerated().map { ($1, $0) }),
      width: Column.needed.count...Column.allCases.count)
  }

  private mutating func heading(_ record: CSVReader.Record) -> Layout? {
    var places: [Column: Int] = [:]
    for (place, name) in record.fields.enumerated() {
      guard let column = Column(rawValue: name) else {
        note(
          record.line, nil,
          "names a column '\(name.prefix(40))' that is unknown; there are: \(Self.columnNames)")
        continue
      }
      if places.updateValue(place, forKey: column) != nil {
        note(record.line, column, "is named twice")
      }
    }
    let missing = Column.needed.filter { places[$0] == nil }
    if !missing.isEmpty {
      note(record.line, nil, "names no column \(missing.map(\.rawValue).joined(separator: ", "))")
    }
    guard faults.isEmpty else { return nil }
    return Layout(places: places, width: record.fields.count...record.fields.count)
  }

  private static let columnNames = Column.allCases.map(\.rawValue).joined(separator: ", ")

  private mutating func note(_ line: Int, _ column: Column?, _ reason: String) {
    faultCount += 1
    if faults.count < Self.faultsMax {
      faults.append(Fault(line: line, column: column, reason))
    }
  }

  /// Nil where something is wrong with it, which is noted: every field that is, not only the first.
  private mutating func line(_ record: CSVReader.Record, _ layout: Layout) -> Line? {
    guard layout.width.contains(record.fields.count) else {
      note(
        record.line, nil,
        "has \(record.fields.count) fields; expected \(layout.width.lowerBound)"
          + (layout.width.count > 1 ? " to \(layout.width.upperBound)" : ""))
      return nil
    }
    let before = faultCount
    func text(_ column: Column) -> String? {
      layout.places[column].flatMap { $0 < record.fields.count ? record.fields[$0] : nil }
        .flatMap { $0.isEmpty ? nil : $0 }
    }
    func take<Value>(_ column: Column, _ expected: String, _ read: (String) -> Value?) -> Value? {
      guard let value = text(column).flatMap(read) else {
        note(record.line, column, "expected \(expected)")
        return nil
      }
      return value
    }
    func takeIfThere<Value>(
      _ column: Column, _ expected: String, _ read: (String) -> Value?
    ) -> Value? { text(column) == nil ? nil : take(column, expected, read) }

    let uuid = "a UUID in lower case"
    let id = take(.id, uuid) { TransferID($0) }
    let debitAccount = take(.debitAccount, uuid) { AccountID($0) }
    let creditAccount = take(.creditAccount, uuid) { AccountID($0) }
    let currency = take(.currency, "a currency of ISO 4217, like EUR") { Currency($0) }
    let amount = take(.amount, "minor units, 1 to \(Book.amountMax), digits only") {
      Self.digits($0).flatMap { (1...Book.amountMax).contains($0) ? $0 : nil }
    }
    let code = take(.code, "a whole number, 1 to 65535") {
      Self.digits($0).flatMap { UInt16(exactly: $0) }.flatMap { $0 > 0 ? $0 : nil }
    }
    let paymentID = takeIfThere(.paymentID, uuid) { PaymentID($0) }
    let correlationID = takeIfThere(.correlationID, "32 hexadecimal digits in lower case") {
      CorrelationID($0)
    }
    let bookedOn = takeIfThere(.bookedOn, "a day of the years 1970 to 9999, YYYY-MM-DD") {
      CivilDate($0).flatMap { $0.components.year >= 1970 ? $0 : nil }
    }
    if let bookedOn, bookedOn > lastDay {
      note(record.line, .bookedOn, "is later than \(lastDay), the last day that is taken today")
    }
    // Holds, and what ends them, have no meaning apart from the books that they come from.
    for column in [Column.flags, .timeoutSeconds] {
      _ = takeIfThere(column, "nothing or 0: only plain transfers are taken") {
        $0 == "0" ? $0 : nil
      }
    }
    if text(.pendingID) != nil {
      note(record.line, .pendingID, "expected nothing: only plain transfers are taken")
    }
    if let debitAccount, debitAccount == creditAccount {
      note(record.line, .creditAccount, "is the debit account")
    }
    guard faultCount == before, let id, let debitAccount, let creditAccount, let currency,
      let amount, let code, let money = try? Money(minorUnits: amount, currency: currency)
    else { return nil }
    return Line(
      number: record.line, id: id, debitAccount: debitAccount, creditAccount: creditAccount,
      amount: money, code: code, paymentID: paymentID, correlationID: correlationID,
      bookedOn: bookedOn)
  }

  /// Digits and nothing else: no sign, no space, no leading zero.
  private static func digits(_ text: String) -> Int64? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }),
      text == "0" || text.utf8.first != 48
    else { return nil }
    return Int64(text)
  }
}
