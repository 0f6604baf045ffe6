import LedgerBook
import LedgerText
import Testing
import Vocabulary

@Suite struct `A file of transfers` {
  private static let id = "01890a5d-ac96-774b-bcce-b302099a8057"
  private static let from = "00000000-0000-0000-0000-000000000001"
  private static let to = "00000000-0000-0000-0000-000000000002"

  private func file(_ text: String) -> TransferFile { TransferFile(Array(text.utf8)) }

  @Test func `names the line of a day too far ahead`() throws {
    let text = """
      amount,currency,code,booked_on,id,debit_account,credit_account
      5,EUR,1,2026-12-31,\(TransferID(bits: 1)),\(AccountID(bits: 1)),\(AccountID(bits: 2))
      5,EUR,1,2027-01-01,\(TransferID(bits: 2)),\(AccountID(bits: 1)),\(AccountID(bits: 2))
      """
    let read = TransferFile(Array(text.utf8), lastDay: try #require(CivilDate("2026-12-31")))
    #expect(
      read.faults.map(\.description) == [
        "line 3, booked_on: is later than 2026-12-31, the last day that is taken today"
      ])
  }
  private func line(
    id: String = id, amount: String = "100", currency: String = "EUR", code: String = "1",
    rest: String = ""
  ) -> String { "\(id),\(Self.from),\(Self.to),\(amount),\(currency),\(code)\(rest)\n" }
  private func numbered(_ number: Int) -> String {
    "00000000-0000-0000-0001-" + String(repeating: "0", count: 12 - "\(number)".count) + "\(number)"
  }

  @Test func `keeps payment, correlation and booked day`() throws {
    let payment = "01890a5d-ac96-774b-bcce-b302099a8058"
    let correlation = "0123456789abcdef0123456789abcdef"
    let file = file(line(rest: ",0,,0,\(payment),\(correlation),2026-02-28"))
    #expect(file.faults.isEmpty)
    let read = try #require(file.lines.first)
    #expect(read.paymentID == PaymentID(payment))
    #expect(read.correlationID == CorrelationID(correlation))
    #expect(read.bookedOn == CivilDate("2026-02-28"))
  }

  @Test func `says line and column of a day that is none, in the last of many lines`() {
    let good = (1...8_194).map { line(id: numbered($0)) }.joined()
    let file = file(good + line(rest: ",,,,,,2026-02-30"))
    #expect(
      file.faults.map(\.description) == [
        "line 8195, booked_on: expected a day of the years 1970 to 9999, YYYY-MM-DD"
      ])
  }

  @Test func `counts lines as an editor does, blank ones too`() {
    let file = file("\n\n" + line(amount: "x"))
    #expect(file.faults.map(\.line) == [3])
    let quoted = self.file("\"\(Self.id)\n\",a\n" + line(amount: "x"))
    #expect(quoted.faults.map(\.line) == [1, 3])
  }

  @Test func `reads fields in quotes and CRLF`() {
    let quoted = line().trimmed.split(separator: ",").map { "\"\($0)\"" }.joined(separator: ",")
    #expect(file(quoted + "\r\n").lines.count == 1)
  }

  @Test func `reads columns in the order of its first line`() {
    let text = """
      amount,currency,code,booked_on,id,debit_account,credit_account
      5,EUR,1,2026-01-02,\(Self.id),\(Self.from),\(Self.to)
      """
    #expect(file(text).lines.first?.amount.minorUnits == 5)
    #expect(file(text).lines.first?.bookedOn == CivilDate("2026-01-02"))
  }

  @Test(arguments: [
    ("amount", "9007199254740992"), ("amount", "0"), ("amount", "-1"), ("amount", "1.5"),
    ("amount", "01"), ("amount", "99999999999999999999"), ("currency", "EURO"), ("currency", "eur"),
    ("code", "0"), ("code", "65536"),
  ])
  func `refuses what the ledger cannot keep`(column: String, value: String) {
    let text =
      switch column {
      case "amount": line(amount: value)
      case "currency": line(currency: value)
      default: line(code: value)
      }
    #expect(file(text).faults.map { $0.column?.rawValue } == [column])
    #expect(file(text).lines.isEmpty)
  }

  @Test func `takes the largest amount`() {
    #expect(file(line(amount: "\(Book.amountMax)")).faults.isEmpty)
  }

  @Test(arguments: [
    ",2", ",,\(id)", ",,,30", ",,,,not-a-uuid", ",,,,,0123", ",,,,,,28.02.2026", ",,,,,,,,,,",
  ])
  func `drops nothing that it cannot keep`(rest: String) {
    #expect(file(line(rest: rest)).faults.count == 1)
  }

  @Test func `refuses unknown columns, an id that stands twice, and one account on both sides`() {
    #expect(file("id,debit_account,credit_account,amount,currency,code,memo\n").faults.count == 1)
    #expect(
      file(line() + line()).faults.map(\.description) == ["line 2, id: stands in line 1 already"])
    #expect(file(line().replacing(Self.to, with: Self.from)).faults.count == 1)
  }

  @Test func `tells a hundred faults and counts the rest`() {
    let file = file((1...150).map { line(id: numbered($0), amount: "x") }.joined())
    #expect(file.faults.count == TransferFile.faultsMax)
    #expect(file.faultCount == 150)
  }

  @Test func `has something to say of an empty file`() { #expect(file("").faults.count == 1) }
}

@Suite struct `Comma-separated values` {
  private func records(_ text: String) throws -> [[String]] {
    var reader = CSVReader(Array(text.utf8))
    var records: [[String]] = []
    while let record = try reader.next() { records.append(record.fields) }
    return records
  }

  @Test func `are read as RFC 4180 has them`() throws {
    #expect(
      try records("a,b\r\nc,\"d,\"\"e\"\"\nf\"\n,\n") == [
        ["a", "b"], ["c", "d,\"e\"\nf"], ["", ""],
      ])
    #expect(try records("\u{feff}a") == [["a"]])
  }

  @Test(arguments: ["\"a", "\"a\"b,c", "a\"b", "a\rb"])
  func `are refused where they are ambiguous`(text: String) {
    #expect(throws: CSVReader.Fault.self) { try records(text) }
  }

  @Test func `have records of a bounded length`() throws {
    let longest = String(repeating: "a", count: CSVReader.recordBytesMax)
    #expect(try records(longest).count == 1)
    #expect(throws: CSVReader.Fault.self) { try records(longest + "a") }
  }
}

extension String {
  fileprivate var trimmed: String { String(self.prefix { !$0.isNewline }) }
}
