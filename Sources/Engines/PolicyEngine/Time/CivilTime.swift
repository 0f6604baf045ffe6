/// A moment in the proleptic Gregorian calendar, in UTC or as the clocks of a zone show it.
struct CivilTime {
  var year: Int
  var month: Int
  var day: Int
  var hour = 0
  var minute = 0
  var second = 0
  var nanosecond = 0
  /// Seconds east of UTC.
  var offset = 0
  /// What the zone calls itself then; empty where it is not known.
  var abbreviation = ""

  init(year: Int, month: Int, day: Int) {
    self.year = year
    self.month = month
    self.day = day
  }

  /// Nanoseconds since 1970, UTC.
  init(nanoseconds: Int64, in zone: TimeZoneRules = .utc) {
    let (seconds, nanos) = Self.floorDivide(Int(nanoseconds), 1_000_000_000)
    let period = zone.period(at: seconds).period
    let (days, rest) = Self.floorDivide(seconds + period.offset, 86_400)
    self.init(daysSince1970: days)
    hour = rest / 3_600
    minute = rest / 60 % 60
    second = rest % 60
    nanosecond = nanos
    offset = period.offset
    abbreviation = period.abbreviation
  }

  /// Midnight.
  init(daysSince1970 days: Int) {
    // The era of 400 years, counted from March, so that a leap day comes last.
    let shifted = days + 719_468
    let (era, dayOfEra) = Self.floorDivide(shifted, 146_097)
    let yearOfEra =
      (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }

  static func floorDivide(_ value: Int, _ divisor: Int) -> (Int, Int) {
    let remainder = value % divisor
    return remainder < 0
      ? (value / divisor - 1, remainder + divisor) : (value / divisor, remainder)
  }

  /// Days since 1970-01-01; months and days beyond their range carry over, as in Go.
  var days: Int {
    let (carry, monthIndex) = Self.floorDivide(month - 1, 12)
    let month = monthIndex + 1
    let shiftedYear = year + carry - (month <= 2 ? 1 : 0)
    let (era, yearOfEra) = Self.floorDivide(shiftedYear, 400)
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468 + day - 1
  }

  /// The same wall clock's time, with the offset that the zone has then.
  func placed(in zone: TimeZoneRules) -> CivilTime {
    var time = self
    time.offset = zone.offset(ofLocal: days * 86_400 + hour * 3_600 + minute * 60 + second)
    return time
  }

  /// Nil beyond 64 bits: before 1677 and after 2262.
  var nanoseconds: Int64? {
    guard abs(year) < 10_000, abs(month) < 200_000, abs(day) < 4_000_000 else { return nil }
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset
    let (product, isTooBig) = Int64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
    // The earliest second has whole nanoseconds only when counted from the next one.
    if isTooBig, seconds < 0 {
      let (base, overflow) = Int64(seconds + 1).multipliedReportingOverflow(by: 1_000_000_000)
      let (sum, underflow) = base.addingReportingOverflow(Int64(nanosecond) - 1_000_000_000)
      return overflow || underflow ? nil : sum
    }
    let (sum, overflow) = product.addingReportingOverflow(Int64(nanosecond))
    return isTooBig || overflow ? nil : sum
  }

  /// Sunday is 0.
  var weekday: Int { Self.floorDivide(days + 4, 7).1 }

  static let weekdays = [
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
  ]
  static let months = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
  ]
}

/// Layouts of Go's package time: a text that shows how Monday, January 2, 2006, 15:04:05 −07:00
/// would be written.
struct TimeLayout {
  enum Piece: Equatable {
    case text(String)
    case year, shortYear, monthName, shortMonth, month, monthPadded
    case weekday, shortWeekday, day, dayPadded, daySpaced, hour, hour12, hour12Padded
    case minute, minutePadded, second, secondPadded, noon(String)
    case zoneName
    /// `-07:00`: with `Z` for UTC, a colon, and whole hours only.
    case zone(usesZ: Bool, hasColon: Bool, hoursOnly: Bool)
    /// Digits after the second, without trailing zeros for `.999`.
    case fraction(String, places: Int, isTrimmed: Bool)
  }

  let pieces: [Piece]

  static let constants = [
    "ANSIC": "Mon Jan _2 15:04:05 2006", "UnixDate": "Mon Jan _2 15:04:05 MST 2006",
    "RubyDate": "Mon Jan 02 15:04:05 -0700 2006", "RFC822": "02 Jan 06 15:04 MST",
    "RFC822Z": "02 Jan 06 15:04 -0700", "RFC850": "Monday, 02-Jan-06 15:04:05 MST",
    "RFC1123": "Mon, 02 Jan 2006 15:04:05 MST", "RFC1123Z": "Mon, 02 Jan 2006 15:04:05 -0700",
    "RFC3339": "2006-01-02T15:04:05Z07:00",
    "RFC3339Nano": "2006-01-02T15:04:05.999999999Z07:00",
  ]

  private static let table: [(String, Piece)] = [
    ("January", .monthName), ("Jan", .shortMonth), ("Monday", .weekday), ("Mon", .shortWeekday),
    ("MST", .zoneName), ("2006", .year),
    ("Z07:00", .zone(usesZ: true, hasColon: true, hoursOnly: false)),
    ("Z0700", .zone(usesZ: true, hasColon: false, hoursOnly: false)),
    ("-07:00", .zone(usesZ: false, hasColon: true, hoursOnly: false)),
    ("-0700", .zone(usesZ: false, hasColon: false, hoursOnly: false)),
    ("-07", .zone(usesZ: false, hasColon: false, hoursOnly: true)), ("01", .monthPadded),
    ("02", .dayPadded), ("03", .hour12Padded), ("04", .minutePadded), ("05", .secondPadded),
    ("06", .shortYear), ("15", .hour), ("_2", .daySpaced), ("PM", .noon("PM")), ("pm", .noon("pm")),
    ("1", .month), ("2", .day), ("3", .hour12), ("4", .minute), ("5", .second),
  ]

  init(_ layout: String) {
    var pieces: [Piece] = []
    var text = ""
    var rest = Substring(layout)
    while let first = rest.first {
      if first == "." || first == ",", let places = Self.fraction(rest.dropFirst()) {
        if !text.isEmpty { pieces.append(.text(text)) }
        text = ""
        pieces.append(
          .fraction(String(first), places: places, isTrimmed: rest.dropFirst().first == "9"))
        rest = rest.dropFirst(places + 1)
      } else if let (word, piece) = Self.table.first(where: { rest.hasPrefix($0.0) }) {
        if !text.isEmpty { pieces.append(.text(text)) }
        text = ""
        pieces.append(piece)
        rest = rest.dropFirst(word.count)
      } else {
        text.append(first)
        rest = rest.dropFirst()
      }
    }
    if !text.isEmpty { pieces.append(.text(text)) }
    self.pieces = pieces
  }

  /// Length of a run of zeros or of nines that no other digit follows.
  private static func fraction(_ text: Substring) -> Int? {
    guard let digit = text.first, digit == "0" || digit == "9" else { return nil }
    let run = text.prefix { $0 == digit }
    if let next = text.dropFirst(run.count).first, ("0"..."9").contains(next) { return nil }
    return run.count
  }

  static func padded(_ value: Int, _ width: Int = 2) -> String {
    let text = String(abs(value))
    return (value < 0 ? "-" : "") + String(repeating: "0", count: max(0, width - text.count)) + text
  }

  func format(_ time: CivilTime) -> String {
    pieces.map { format($0, time) }.joined()
  }

  private func format(_ piece: Piece, _ time: CivilTime) -> String {
    let hour12 = time.hour % 12 == 0 ? 12 : time.hour % 12
    switch piece {
    case .text(let text): return text
    case .year: return Self.padded(time.year, 4)
    case .shortYear: return Self.padded(time.year % 100)
    case .monthName: return CivilTime.months[time.month - 1]
    case .shortMonth: return String(CivilTime.months[time.month - 1].prefix(3))
    case .month: return String(time.month)
    case .monthPadded: return Self.padded(time.month)
    case .weekday: return CivilTime.weekdays[time.weekday]
    case .shortWeekday: return String(CivilTime.weekdays[time.weekday].prefix(3))
    case .day: return String(time.day)
    case .dayPadded: return Self.padded(time.day)
    case .daySpaced: return (time.day < 10 ? " " : "") + String(time.day)
    case .hour: return Self.padded(time.hour)
    case .hour12: return String(hour12)
    case .hour12Padded: return Self.padded(hour12)
    case .minute: return String(time.minute)
    case .minutePadded: return Self.padded(time.minute)
    case .second: return String(time.second)
    case .secondPadded: return Self.padded(time.second)
    case .noon(let mark):
      let text = time.hour < 12 ? "AM" : "PM"
      return mark == "PM" ? text : text.lowercased()
    case .zoneName:
      if !time.abbreviation.isEmpty { return time.abbreviation }
      return time.offset == 0 ? "UTC" : zone(time.offset, false, false, false)
    case .zone(let usesZ, let hasColon, let hoursOnly):
      return zone(time.offset, usesZ, hasColon, hoursOnly)
    case .fraction(let point, let places, let isTrimmed):
      var digits = String(Self.padded(time.nanosecond, 9).prefix(places))
      if isTrimmed {
        while digits.hasSuffix("0") { digits.removeLast() }
        if digits.isEmpty { return "" }
      }
      return point + digits
    }
  }

  private func zone(_ offset: Int, _ usesZ: Bool, _ hasColon: Bool, _ hoursOnly: Bool) -> String {
    if usesZ, offset == 0 { return "Z" }
    let minutes = abs(offset) / 60
    let hours = (offset < 0 ? "-" : "+") + Self.padded(minutes / 60)
    return hoursOnly ? hours : hours + (hasColon ? ":" : "") + Self.padded(minutes % 60)
  }
}
