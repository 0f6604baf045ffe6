extension TimeLayout {
  /// Nil where the text is not in this layout.
  func parse(_ text: String) -> CivilTime? {
    var reader = Reader(rest: Substring(text))
    var time = CivilTime(year: 0, month: 1, day: 1)
    var isAfternoon: Bool?
    for (index, piece) in pieces.enumerated() {
      guard reader.read(piece, &time, &isAfternoon) else { return nil }
      // Go takes a fraction after the seconds even where the layout has none.
      let isSecond = piece == .secondPadded || piece == .second
      var hasFraction = false
      if index + 1 < pieces.count, case .fraction = pieces[index + 1] { hasFraction = true }
      if isSecond, !hasFraction, reader.startsFraction {
        guard reader.readFraction(&time) else { return nil }
      }
    }
    if let isAfternoon { time.hour = time.hour % 12 + (isAfternoon ? 12 : 0) }
    guard reader.rest.isEmpty, (1...12).contains(time.month), time.hour < 24, time.minute < 60,
      time.second < 60, time.day >= 1, time.day <= Self.days(in: time.month, of: time.year)
    else { return nil }
    return time
  }

  static func days(in month: Int, of year: Int) -> Int {
    switch month {
    case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  private struct Reader {
    var rest: Substring

    mutating func digits(_ least: Int, _ most: Int) -> Int? {
      let run = rest.prefix(most).prefix { $0.isASCII && $0.isNumber }
      guard run.count >= least, let value = Int(run) else { return nil }
      rest = rest.dropFirst(run.count)
      return value
    }

    mutating func skip(_ text: some StringProtocol) -> Bool {
      guard rest.hasPrefix(text) else { return false }
      rest = rest.dropFirst(text.count)
      return true
    }

    /// An abbreviation says nothing about the offset, which stays that of UTC, but for `GMT+3`.
    mutating func readZoneName(_ time: inout CivilTime) -> Bool {
      let letters = rest.prefix { ("A"..."Z").contains($0) }
      guard (3...5).contains(letters.count), letters.count == 3 || letters.hasSuffix("T") else {
        return false
      }
      rest = rest.dropFirst(letters.count)
      if letters == "GMT", let sign = rest.first, sign == "+" || sign == "-" {
        rest = rest.dropFirst()
        guard let hours = digits(1, 2), hours <= 23 else { return false }
        time.offset = (sign == "-" ? -1 : 1) * hours * 3_600
      }
      return true
    }

    var startsFraction: Bool {
      guard let first = rest.first, first == "." || first == "," else { return false }
      return rest.dropFirst().first.map { $0.isASCII && $0.isNumber } ?? false
    }

    mutating func readFraction(_ time: inout CivilTime) -> Bool {
      rest = rest.dropFirst()
      let run = rest.prefix { $0.isASCII && $0.isNumber }
      rest = rest.dropFirst(run.count)
      let digits = run.prefix(9)
      guard let value = Int(digits) else { return false }
      time.nanosecond = (digits.count..<9).reduce(value) { scaled, _ in scaled * 10 }
      return true
    }

    mutating func name(_ names: [String], short: Bool) -> Int? {
      for (index, name) in names.enumerated() {
        let wanted = short ? String(name.prefix(3)) : name
        if rest.lowercased().hasPrefix(wanted.lowercased()) {
          rest = rest.dropFirst(wanted.count)
          return index
        }
      }
      return nil
    }

    mutating func set(_ field: inout Int, _ least: Int, _ most: Int) -> Bool {
      guard let value = digits(least, most) else { return false }
      field = value
      return true
    }

    mutating func read(_ piece: Piece, _ time: inout CivilTime, _ isAfternoon: inout Bool?) -> Bool
    {
      switch piece {
      case .text(let text): return skip(text)
      case .year: return set(&time.year, 4, 4)
      case .shortYear:
        guard let year = digits(2, 2) else { return false }
        time.year = year + (year >= 69 ? 1_900 : 2_000)
        return true
      case .monthName, .shortMonth:
        guard let index = name(CivilTime.months, short: piece == .shortMonth) else { return false }
        time.month = index + 1
        return true
      case .month: return set(&time.month, 1, 2)
      case .monthPadded: return set(&time.month, 2, 2)
      case .weekday: return name(CivilTime.weekdays, short: false) != nil
      case .shortWeekday: return name(CivilTime.weekdays, short: true) != nil
      case .day, .daySpaced:
        if rest.first == " " { rest = rest.dropFirst() }
        return set(&time.day, 1, 2)
      case .dayPadded: return set(&time.day, 2, 2)
      case .hour: return set(&time.hour, 2, 2)
      case .hour12: return set(&time.hour, 1, 2)
      case .hour12Padded: return set(&time.hour, 2, 2)
      case .minute: return set(&time.minute, 1, 2)
      case .minutePadded: return set(&time.minute, 2, 2)
      case .second: return set(&time.second, 1, 2)
      case .secondPadded: return set(&time.second, 2, 2)
      case .noon:
        isAfternoon = rest.uppercased().hasPrefix("PM")
        guard isAfternoon == true || rest.uppercased().hasPrefix("AM") else { return false }
        rest = rest.dropFirst(2)
        return true
      case .zoneName: return readZoneName(&time)
      case .fraction(_, let places, let isTrimmed):
        guard startsFraction else { return isTrimmed }
        let run = rest.dropFirst().prefix { $0.isASCII && $0.isNumber }
        guard isTrimmed || run.count == places else { return false }
        return readFraction(&time)
      case .zone(let usesZ, let hasColon, let hoursOnly):
        if usesZ, skip("Z") { return true }
        let isWest = skip("-")
        guard isWest || skip("+"), let hours = digits(2, 2) else { return false }
        var minutes = 0
        if !hoursOnly {
          if hasColon, !skip(":") { return false }
          guard let value = digits(2, 2) else { return false }
          minutes = value
        }
        time.offset = (hours * 3_600 + minutes * 60) * (isWest ? -1 : 1)
        return hours <= 24 && minutes < 60
      }
    }
  }
}
