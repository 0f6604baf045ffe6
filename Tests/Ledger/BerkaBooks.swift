import Foundation
import TestKit
import Vocabulary

/// A real bank's books (PKDD'99, "Berka"): what was booked on each account and the balance the bank
/// printed after it.
struct BerkaBooks {
  struct Booking {
    let number: Int
    let account: Int
    /// As in the file, YYMMDD; all are of the twentieth century.
    let day: Int
    /// Signed minor units (haléř): credits are positive.
    let amount: Int64
    /// The bank's own balance after this booking.
    let balance: Int64
  }

  let bookings: [Booking]

  /// Largest difference that the bank's rounding to 0.10 makes in one step.
  static let roundingMax: Int64 = 10

  /// Nil, after saying so, where the test data is missing.
  init?() throws {
    guard let folder = Testdata.folder("fraud") else { return nil }
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["gzip", "-dc", "\(folder)/berka/trans.csv.gz"]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    bookings = text.split(whereSeparator: \.isNewline).dropFirst().compactMap(Self.booking)
  }

  private static func booking(_ line: Substring) -> Booking? {
    let fields = line.split(separator: ";", omittingEmptySubsequences: false)
    guard fields.count >= 7, let number = Int(fields[0]), let account = Int(fields[1]),
      let day = Int(fields[2]), let amount = minorUnits(fields[5]),
      let balance = minorUnits(fields[6])
    else { return nil }
    let isCredit = fields[3] == "\"PRIJEM\""
    return Booking(
      number: number, account: account, day: day, amount: isCredit ? amount : -amount,
      balance: balance)
  }

  /// `1234.50` as 123450.
  private static func minorUnits(_ text: Substring) -> Int64? {
    let parts = text.split(separator: ".")
    guard parts.count == 2, parts[1].count == 2, let digits = Int64(parts[0] + parts[1]) else {
      return nil
    }
    return digits
  }

  /// `1993-01-31`.
  static func date(_ day: Int) -> String {
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "19\(two(day / 10_000))-\(two(day / 100 % 100))-\(two(day % 100))"
  }

  /// The bookings of one account's day in the order in which the bank's balances chain: the one of
  /// all orders in which they are off by the least. The file does not keep the order; a day has
  /// seven bookings at most.
  static func chained(_ day: [Booking], from start: Int64) -> [Booking] {
    var best: (off: Int64, order: [Booking])?
    func go(_ balance: Int64, _ rest: [Booking], _ off: Int64, _ order: [Booking]) {
      if let best, off >= best.off { return }
      guard !rest.isEmpty else {
        best = (off, order)
        return
      }
      let steps = rest.indices.map { ($0, abs(balance + rest[$0].amount - rest[$0].balance)) }
      for (index, step) in steps.sorted(by: { ($0.1, $0.0) < ($1.1, $1.0) }) {
        var others = rest
        let next = others.remove(at: index)
        go(next.balance, others, off + step, order + [next])
      }
    }
    go(start, day, 0, [])
    return best?.order ?? day
  }
}
