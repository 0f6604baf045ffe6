/// What a zone does year after year: the POSIX TZ string at the end of a TZif file (RFC 9636 §3.3),
/// such as `CET-1CEST,M3.5.0,M10.5.0/3`.
struct RecurringZone: Sendable {
  private enum Day: Sendable {
    /// 1–365; February 29 is never counted.
    case julian(Int)
    /// 0–365.
    case ordinal(Int)
    /// Week 5 is the last; Sunday is 0.
    case weekday(month: Int, week: Int, day: Int)
  }
  private struct Change: Sendable {
    let day: Day
    /// Seconds after midnight, by the clock that goes until then.
    let time: Int
  }

  private let standard: TimeZoneRules.Period
  private let summer: (period: TimeZoneRules.Period, from: Change, until: Change)?

  init?(_ text: [UInt8]) {
    var reader = Reader(text: text)
    guard let name = reader.name(), let west = reader.time(hoursMax: 24) else { return nil }
    standard = TimeZoneRules.Period(offset: -west, abbreviation: name)
    guard !reader.isAtEnd else {
      summer = nil
      return
    }
    guard let summerName = reader.name() else { return nil }
    var offset = standard.offset + 3_600
    if !reader.isAtEnd, !reader.at(",") {
      guard let west = reader.time(hoursMax: 24) else { return nil }
      offset = -west
    }
    guard let from = reader.change(), let until = reader.change(), reader.isAtEnd else {
      return nil
    }
    summer = (TimeZoneRules.Period(offset: offset, abbreviation: summerName), from, until)
  }

  /// The period at a moment, and the seconds since 1970 in which it holds.
  func period(at seconds: Int) -> (period: TimeZoneRules.Period, range: Range<Int>) {
    guard let summer else { return (standard, .min..<Int.max) }
    let day = CivilTime.floorDivide(seconds + standard.offset, 86_400).0
    let year = CivilTime(daysSince1970: day).year
    // A year's changes may fall into the years beside it, in UTC.
    var changes: [(at: Int, period: TimeZoneRules.Period)] = []
    for year in year - 1...year + 1 {
      changes.append((Self.moment(summer.from, year) - standard.offset, summer.period))
      changes.append((Self.moment(summer.until, year) - summer.period.offset, standard))
    }
    changes.sort { $0.at < $1.at }
    guard let next = changes.firstIndex(where: { $0.at > seconds }), next > 0 else {
      return (standard, seconds..<seconds + 1)
    }
    return (changes[next - 1].period, changes[next - 1].at..<changes[next].at)
  }

  /// Seconds since 1970, as if the local time were UTC.
  private static func moment(_ change: Change, _ year: Int) -> Int {
    let days: Int
    switch change.day {
    case .julian(let day):
      let isLeap = TimeLayout.days(in: 2, of: year) == 29
      days = CivilTime(year: year, month: 1, day: 1).days + day - (isLeap && day >= 60 ? 0 : 1)
    case .ordinal(let day): days = CivilTime(year: year, month: 1, day: 1).days + day
    case .weekday(let month, let week, let weekday):
      let first = CivilTime(year: year, month: month, day: 1)
      var day = 1 + CivilTime.floorDivide(weekday - first.weekday, 7).1 + (week - 1) * 7
      while day > TimeLayout.days(in: month, of: year) { day -= 7 }
      days = first.days + day - 1
    }
    return days * 86_400 + change.time
  }

  private struct Reader {
    let text: [UInt8]
    var position = 0

    var isAtEnd: Bool { position == text.count }
    func at(_ mark: Unicode.Scalar) -> Bool {
      position < text.count && text[position] == UInt8(ascii: mark)
    }

    mutating func skip(_ mark: Unicode.Scalar) -> Bool {
      guard at(mark) else { return false }
      position += 1
      return true
    }

    /// Letters, or anything between `<` and `>`.
    mutating func name() -> String? {
      let isQuoted = skip("<")
      let start = position
      while position < text.count,
        isQuoted ? text[position] != UInt8(ascii: ">") : (65...90).contains(text[position] & 0xdf)
      { position += 1 }
      let name = String(decoding: text[start..<position], as: UTF8.self)
      guard !name.isEmpty, !isQuoted || skip(">") else { return nil }
      return name
    }

    mutating func number(_ range: ClosedRange<Int>) -> Int? {
      let start = position
      var value = 0
      while position < text.count, (48...57).contains(text[position]), position < start + 3 {
        value = value * 10 + Int(text[position] - 48)
        position += 1
      }
      return position > start && range.contains(value) ? value : nil
    }

    /// `[+-]hh[:mm[:ss]]`, in seconds.
    mutating func time(hoursMax: Int) -> Int? {
      let isNegative = skip("-")
      if !isNegative { _ = skip("+") }
      guard var seconds = number(0...hoursMax).map({ $0 * 3_600 }) else { return nil }
      for unit in [60, 1] where at(":") {
        position += 1
        guard let part = number(0...59) else { return nil }
        seconds += part * unit
      }
      return isNegative ? -seconds : seconds
    }

    /// `,M3.5.0/2`, `,J60` or `,59`.
    mutating func change() -> Change? {
      guard skip(",") else { return nil }
      let day: Day
      if skip("M") {
        guard let month = number(1...12), skip("."), let week = number(1...5), skip("."),
          let weekday = number(0...6)
        else { return nil }
        day = .weekday(month: month, week: week, day: weekday)
      } else if skip("J") {
        guard let number = number(1...365) else { return nil }
        day = .julian(number)
      } else {
        guard let number = number(0...365) else { return nil }
        day = .ordinal(number)
      }
      guard skip("/") else { return Change(day: day, time: 7_200) }
      return time(hoursMax: 167).map { Change(day: day, time: $0) }
    }
  }
}
