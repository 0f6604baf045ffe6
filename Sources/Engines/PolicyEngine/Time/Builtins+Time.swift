extension Builtins {
  private static let outOfRange = BuiltinFailure.bare("time outside of valid range")

  private static func nanoseconds(_ time: CivilTime?) throws -> Value {
    guard let time else { throw BuiltinFailure.bare("cannot parse time") }
    guard let nanoseconds = time.nanoseconds else { throw outOfRange }
    return .number(Number(nanoseconds))
  }

  static let times: [Builtin] = [
    Builtin("time.now_ns", 0) { context, _ in .number(Number(context.nanoseconds)) },
    Builtin("time.parse_rfc3339_ns", 1) { _, values in
      let text = try Arguments(values).string(0)
      return try nanoseconds(TimeLayout("2006-01-02T15:04:05Z07:00").parse(text))
    },
    Builtin("time.parse_ns", 2) { _, values in
      let layout = try Arguments(values).string(0)
      let text = try Arguments(values).string(1)
      return try nanoseconds(TimeLayout(TimeLayout.constants[layout] ?? layout).parse(text))
    },
    Builtin("time.parse_duration_ns", 1) { _, values in
      try duration(try Arguments(values).string(0))
    },
    Builtin("time.format", 1) { context, values in
      let moment = try moment(values[0], &context)
      let layout = moment.layout
      return .string(
        TimeLayout(
          layout.isEmpty
            ? "2006-01-02T15:04:05.999999999Z07:00"
            : TimeLayout.constants[layout] ?? layout
        ).format(moment.time))
    },
    Builtin("time.date", 1) { context, values in
      let time = try moment(values[0], &context).time
      return .array([time.year, time.month, time.day].map(Value.integer))
    },
    Builtin("time.clock", 1) { context, values in
      let time = try moment(values[0], &context).time
      return .array([time.hour, time.minute, time.second].map(Value.integer))
    },
    Builtin("time.weekday", 1) { context, values in
      .string(CivilTime.weekdays[try moment(values[0], &context).time.weekday])
    },
    Builtin("time.add_date", 4) { context, values in
      let arguments = Arguments(values)
      let moment = try moment(values[0], &context)
      var time = moment.time
      time.year = time.year.addingReportingOverflow(try arguments.int(1)).partialValue
      time.month = time.month.addingReportingOverflow(try arguments.int(2)).partialValue
      time.day = time.day.addingReportingOverflow(try arguments.int(3)).partialValue
      guard time.year.magnitude < 10_000, time.month.magnitude < 200_000,
        time.day.magnitude < 4_000_000
      else { throw outOfRange }
      return try nanoseconds(time.placed(in: moment.zone))
    },
    Builtin("time.diff", 2) { context, values in
      // The later is told by the clocks of the first one's zone.
      let first = try moment(values[0], &context)
      let second = try moment(values[1], &context).time.nanoseconds
      guard let start = first.time.nanoseconds, let end = second else { throw outOfRange }
      return .array(
        difference(
          CivilTime(nanoseconds: min(start, end), in: first.zone),
          CivilTime(nanoseconds: max(start, end), in: first.zone)
        ).map(Value.integer))
    },
  ]

  private static func instant(_ value: Value) throws -> Int64 {
    let number = try Arguments([value]).number(0)
    guard let nanoseconds = number.rounded(.down).int64 else {
      throw BuiltinFailure.bare("timestamp too big")
    }
    return nanoseconds
  }

  /// A number of nanoseconds, or an array of it, a zone and a layout.
  private static func moment(_ value: Value, _ context: inout BuiltinContext) throws
    -> (time: CivilTime, zone: TimeZoneRules, layout: String)
  {
    guard case .array(let parts) = value else {
      return (CivilTime(nanoseconds: try instant(value)), .utc, "")
    }
    guard (1...3).contains(parts.count) else {
      throw BuiltinFailure.operand(
        1,
        "either number (ns) or [number (ns), string (tz)] or "
          + "[number (ns), string (tz), string (format)]", value)
    }
    let arguments = Arguments(parts)
    let nanoseconds = try instant(parts[0])
    var zone = TimeZoneRules.utc
    if parts.count > 1 { zone = try context.zone(try arguments.string(1)) }
    return (
      CivilTime(nanoseconds: nanoseconds, in: zone), zone,
      parts.count > 2 ? try arguments.string(2) : ""
    )
  }

  /// Years, months, days, hours, minutes and seconds from the earlier to the later. Fractions of a
  /// second are cut off before, as OPA does.
  private static func difference(_ early: CivilTime, _ late: CivilTime) -> [Int] {
    var years = late.year - early.year
    var months = late.month - early.month
    var days = late.day - early.day
    var hours = late.hour - early.hour
    var minutes = late.minute - early.minute
    var seconds = late.second - early.second
    if seconds < 0 { (seconds, minutes) = (seconds + 60, minutes - 1) }
    if minutes < 0 { (minutes, hours) = (minutes + 60, hours - 1) }
    if hours < 0 { (hours, days) = (hours + 24, days - 1) }
    if days < 0 {
      days += TimeLayout.days(in: early.month, of: early.year)
      months -= 1
    }
    if months < 0 { (months, years) = (months + 12, years - 1) }
    return [years, months, days, hours, minutes, seconds]
  }

  /// `1h15m30.918s` (Go's `time.ParseDuration`).
  private static func duration(_ text: String) throws -> Value {
    let units: [(String, Int64)] = [
      ("ns", 1), ("us", 1_000), ("µs", 1_000), ("μs", 1_000), ("ms", 1_000_000),
      ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000),
    ]
    let failure = BuiltinFailure.bare("time: invalid duration \"\(text)\"")
    var rest = Substring(text)
    let isNegative = rest.hasPrefix("-")
    if isNegative || rest.hasPrefix("+") { rest = rest.dropFirst() }
    if rest == "0" { return .integer(0) }
    var total = Number(Int64(0))
    guard !rest.isEmpty else { throw failure }
    while !rest.isEmpty {
      var digits = String(rest.prefix { $0 == "." || ($0.isASCII && $0.isNumber) })
      rest = rest.dropFirst(digits.count)
      if digits.hasPrefix(".") { digits = "0" + digits }
      if digits.hasSuffix(".") { digits.removeLast() }
      guard let amount = Number(spelled: digits.utf8),
        let (name, size) = units.first(where: { rest.hasPrefix($0.0) }),
        let part = amount.multiplied(by: Number(size)), let sum = total.adding(part)
      else { throw failure }
      rest = rest.dropFirst(name.count)
      total = sum
    }
    let whole = total.rounded(.down)
    guard whole.int64 != nil else { throw failure }
    return .number(isNegative ? whole.negated : whole)
  }

  // MARK: Units

  static let units: [Builtin] = [
    Builtin("units.parse", 1) { _, values in
      let (amount, unit) = try amount(try Arguments(values).string(0), "amount")
      let known: [String: (Int64, divides: Bool)] = [
        "": (1, false), "m": (1_000, true), "k": (1_000, false), "K": (1_000, false),
        "ki": (1 << 10, false), "mi": (1 << 20, false), "gi": (1 << 30, false),
        "ti": (1 << 40, false), "pi": (1 << 50, false), "ei": (1 << 60, false),
        "M": (1_000_000, false), "g": (1_000_000_000, false), "t": (1_000_000_000_000, false),
        "p": (1_000_000_000_000_000, false), "e": (1_000_000_000_000_000_000, false),
      ]
      // Only m and M differ by case: milli and mega.
      let key = unit.count == 1 && unit.lowercased() == "m" ? unit : unit.lowercased()
      guard let (size, divides) = known[key] else {
        throw BuiltinFailure.value("unit \(unit) not recognized")
      }
      return try scaled(amount, size, divides: divides)
    },
    Builtin("units.parse_bytes", 1) { _, values in
      let text = try Arguments(values).string(0).lowercased().filter { $0 != "\"" }
      let (amount, unit) = try amount(text, "byte amount")
      let known: [String: Int64] = [
        "": 1, "b": 1, "kb": 1_000, "k": 1_000, "kib": 1 << 10, "ki": 1 << 10, "mb": 1_000_000,
        "m": 1_000_000, "mib": 1 << 20, "mi": 1 << 20, "gb": 1_000_000_000, "g": 1_000_000_000,
        "gib": 1 << 30, "gi": 1 << 30, "tb": 1_000_000_000_000, "t": 1_000_000_000_000,
        "tib": 1 << 40, "ti": 1 << 40, "pb": 1_000_000_000_000_000, "p": 1_000_000_000_000_000,
        "pib": 1 << 50, "pi": 1 << 50, "eb": 1_000_000_000_000_000_000,
        "e": 1_000_000_000_000_000_000, "eib": 1 << 60, "ei": 1 << 60,
      ]
      guard let size = known[unit] else {
        throw BuiltinFailure.value("byte unit \(unit) not recognized")
      }
      guard case .number(let bytes) = try scaled(amount, size, divides: false) else { return nil }
      return .number(bytes.rounded(.down))
    },
  ]

  private static func amount(_ input: String, _ name: String) throws -> (Number, unit: String) {
    let text = input.filter { $0 != "\"" }
    guard !text.contains(" ") else {
      throw BuiltinFailure.value("spaces not allowed in resource strings")
    }
    var digits = String(
      text.prefix { $0.isASCII && ($0.isNumber || $0 == "." || $0 == "-" || $0 == "+") })
    var unit = String(text.dropFirst(digits.count))
    // An exponent, and not the unit exa, if digits follow.
    let exponent = unit.dropFirst().prefix { $0.isASCII && ($0.isNumber || $0 == "-" || $0 == "+") }
    if unit.lowercased().hasPrefix("e"), exponent.contains(where: \.isNumber) {
      digits += "e" + exponent
      unit = String(unit.dropFirst(exponent.count + 1))
    }
    guard digits.contains(where: \.isNumber) else {
      throw BuiltinFailure.value("no \(name) provided")
    }
    if digits.hasPrefix("+") { digits.removeFirst() }
    if digits.hasPrefix(".") { digits = "0" + digits }
    if digits.hasSuffix(".") { digits.removeLast() }
    guard let number = Number(spelled: digits.utf8) else {
      throw BuiltinFailure.value("could not parse \(name) to a number")
    }
    return (number, unit)
  }

  private static func scaled(_ amount: Number, _ size: Int64, divides: Bool) throws -> Value {
    let result = divides ? amount.divided(by: Number(size)) : amount.multiplied(by: Number(size))
    guard let result else { throw BuiltinFailure.value("number is beyond the limit") }
    return .number(result)
  }
}
