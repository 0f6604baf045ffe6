/// A moment in UTC, in whole nanoseconds since 1970-01-01T00:00:00Z (covers 1677 to 2262).
/// Pure code receives instants; only Fabric asks a clock for one.
package struct Instant: Hashable, Comparable, Sendable {
  package let nanoseconds: Int64

  package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
  package init(seconds: Int64) {
    nanoseconds = seconds.multipliedReportingOverflow(by: 1_000_000_000).partialValue
  }

  /// Whole seconds since the epoch, rounded down; what JWT calls NumericDate (RFC 7519 §2).
  package var seconds: Int64 { floorDivide(nanoseconds, 1_000_000_000) }

  /// The day in UTC.
  package var day: CivilDate { CivilDate(daysSinceEpoch: Int(floorDivide(seconds, 86_400))) }

  package static func < (left: Instant, right: Instant) -> Bool {
    left.nanoseconds < right.nanoseconds
  }

  /// Saturates at the ends of the range instead of trapping: a far deadline stays far.
  package static func + (instant: Instant, span: Duration) -> Instant {
    let (sum, overflow) = instant.nanoseconds.addingReportingOverflow(span.nanoseconds)
    guard overflow else { return Instant(nanoseconds: sum) }
    return Instant(nanoseconds: span.nanoseconds > 0 ? .max : .min)
  }
  package static func - (instant: Instant, span: Duration) -> Instant {
    instant + Duration.nanoseconds(span.nanoseconds == .min ? .max : -span.nanoseconds)
  }
  /// The span from `earlier` to `later`; negative when they are swapped.
  package static func - (later: Instant, earlier: Instant) -> Duration {
    .nanoseconds(later.nanoseconds.subtractingReportingOverflow(earlier.nanoseconds).partialValue)
  }
}

extension Duration {
  /// Whole nanoseconds, saturating.
  package var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    guard !overflow else { return seconds > 0 ? .max : .min }
    return product.addingReportingOverflow(attoseconds / 1_000_000_000).partialValue
  }
  /// Whole milliseconds, rounded towards zero.
  package var milliseconds: Int64 { nanoseconds / 1_000_000 }
}

extension Instant: CustomStringConvertible {
  /// RFC 3339 in UTC with microseconds: `2026-11-21T07:35:00.000000Z`.
  package var description: String {
    let (year, month, day) = self.day.components
    let time = Int(seconds - floorDivide(seconds, 86_400) * 86_400)
    let rest = nanoseconds % 1_000_000_000
    let micros = Int((rest < 0 ? rest + 1_000_000_000 : rest) / 1_000)
    // Written for every log line and every audit record: digit by digit into the place where they stay.
    return String(unsafeUninitializedCapacity: 27) { text in
      var place = 0
      func put(_ value: Int, _ digits: Int, _ end: Character) {
        var rest = value
        for digit in (place..<place + digits).reversed() {
          text[digit] = UInt8(rest % 10) + UInt8(ascii: "0")
          rest /= 10
        }
        text[place + digits] = end.asciiValue ?? 0
        place += digits + 1
      }
      put(year, 4, "-")
      put(month, 2, "-")
      put(day, 2, "T")
      put(time / 3_600, 2, ":")
      put(time / 60 % 60, 2, ":")
      put(time % 60, 2, ".")
      put(micros, 6, "Z")
      return place
    }
  }

  /// Longest text that is read: nine decimals and an offset.
  private static let textBytesMax = 35

  /// Parses a date-time of RFC 3339 §5.6: any offset, `T` and `Z` in either case, up to nine decimals. Nil for anything
  /// else. What is written has always `Z`.
  package init?(_ text: String) {
    let bytes = Array(text.utf8)
    guard (20...Self.textBytesMax).contains(bytes.count), let zone = Self.zone(of: bytes) else {
      return nil
    }
    let number = { (range: Range<Int>) in Self.number(bytes[range]) }
    let separators = [(4, "-"), (7, "-"), (13, ":"), (16, ":")]
    guard separators.allSatisfy({ bytes[$0.0] == $0.1.utf8.first }),
      bytes[10] | 0x20 == UInt8(ascii: "t"),
      let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
      let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
      hour < 24, minute < 60, second < 60,
      let date = CivilDate(year: year, month: month, day: day)
    else { return nil }
    var nanos = 0
    if zone.begins > 19 {
      let digits = zone.begins - 20
      guard bytes[19] == UInt8(ascii: "."), (1...9).contains(digits),
        let fraction = number(20..<zone.begins)
      else { return nil }
      nanos = fraction
      for _ in digits..<9 { nanos *= 10 }
    }
    let time = hour * 3_600 + minute * 60 + second - zone.seconds
    let whole = Int64(date.daysSinceEpoch) * 86_400 + Int64(time)
    let (scaled, isTooFar) = whole.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, isBeyond) = scaled.addingReportingOverflow(Int64(nanos))
    guard !isTooFar, !isBeyond else { return nil }
    nanoseconds = sum
  }

  /// `Z`, or `±hh:mm`: where it begins, and how far it is ahead of UTC.
  private static func zone(of bytes: [UInt8]) -> (begins: Int, seconds: Int)? {
    guard let last = bytes.last else { return nil }
    if last | 0x20 == UInt8(ascii: "z") { return (bytes.count - 1, 0) }
    let begins = bytes.count - 6
    guard begins >= 19, bytes[begins + 3] == UInt8(ascii: ":"),
      let hours = number(bytes[(begins + 1)..<(begins + 3)]), hours < 24,
      let minutes = number(bytes[(begins + 4)...]), minutes < 60
    else { return nil }
    switch bytes[begins] {
    case UInt8(ascii: "+"): return (begins, hours * 3_600 + minutes * 60)
    case UInt8(ascii: "-"): return (begins, -(hours * 3_600 + minutes * 60))
    default: return nil
    }
  }

  private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
    var value = 0
    for byte in digits {
      guard (48...57).contains(byte) else { return nil }
      value = value * 10 + Int(byte - 48)
    }
    return value
  }
}

extension Instant: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let instant = Instant(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "not a date-time of RFC 3339")
    }
    self = instant
  }
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// A day in the proleptic Gregorian calendar, without time and zone.
package struct CivilDate: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let daysSinceEpoch: Int

  package init(daysSinceEpoch: Int) { self.daysSinceEpoch = daysSinceEpoch }

  /// Nil for a day that the calendar does not have.
  package init?(year: Int, month: Int, day: Int) {
    guard (1...9999).contains(year), (1...12).contains(month), day >= 1 else { return nil }
    let shifted = month <= 2 ? year - 1 : year
    let era = shifted / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    daysSinceEpoch = era * 146_097 + dayOfEra - 719_468
    guard components == (year, month, day) else { return nil }
  }

  /// `YYYY-MM-DD` (RFC 3339 §5.6, full-date), digits only. Nil for everything else, and for a day that is none.
  package init?(_ text: some StringProtocol) {
    let bytes = Array(text.utf8)
    let dash = UInt8(ascii: "-")
    guard bytes.count == 10, bytes[4] == dash, bytes[7] == dash else { return nil }
    func number(_ range: Range<Int>) -> Int? {
      bytes[range].reduce(0) { value, byte in
        value.flatMap { (48...57).contains(byte) ? $0 * 10 + Int(byte - 48) : nil }
      }
    }
    guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10) else {
      return nil
    }
    self.init(year: year, month: month, day: day)
  }

  /// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
  package var components: (year: Int, month: Int, day: Int) {
    let z = daysSinceEpoch + 719_468
    let era = Int(floorDivide(Int64(z), 146_097))
    let dayOfEra = z - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    return (
      yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1
    )
  }

  package var description: String {
    let (year, month, day) = components
    return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
  }
  package static func < (left: CivilDate, right: CivilDate) -> Bool {
    left.daysSinceEpoch < right.daysSinceEpoch
  }
}

/// Where an instant comes from. Fabric passes the system's; tests pass their own.
package struct Clock: Sendable {
  package let now: @Sendable () -> Instant
  package init(now: @escaping @Sendable () -> Instant) { self.now = now }
}

private func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
  let quotient = value / divisor
  return value % divisor < 0 ? quotient - 1 : quotient
}

private func padded(_ value: Int, _ width: Int) -> String {
  let digits = String(value)
  return String(repeating: "0", count: max(0, width - digits.count)) + digits
}
