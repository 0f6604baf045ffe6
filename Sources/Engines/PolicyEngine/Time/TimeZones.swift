/// The time zones that a policy may name, as files of the tz database hold them (TZif, RFC 9636).
///
/// The engine reads no files: whoever runs it hands the database in. Without one only UTC is known.
package struct TimeZones: Sendable {
  private let files: [String: [UInt8]]

  /// Largest file of one zone, in bytes; those of the tz database have a few thousand.
  package static let fileBytesMax = 1 << 18

  /// - Parameter files: contents by the name of the zone, such as `Europe/Berlin`.
  package init(files: [String: [UInt8]]) { self.files = files }

  /// UTC only.
  package static let none = TimeZones(files: [:])

  /// Nil for a zone that is not there, or whose file is broken.
  func rules(_ name: String) -> TimeZoneRules? {
    guard let bytes = files[name], bytes.count <= Self.fileBytesMax else { return nil }
    return TimeZoneRules(tzif: bytes)
  }
}

/// When one zone has which offset from UTC.
struct TimeZoneRules: Sendable {
  struct Period: Hashable, Sendable {
    /// Seconds east of UTC.
    let offset: Int
    let abbreviation: String

    static let utc = Period(offset: 0, abbreviation: "UTC")
  }

  /// Seconds since 1970 at which each period begins, in order.
  private let starts: [Int]
  private let periods: [Period]
  /// Before the first of them.
  private let earliest: Period
  /// After the last of them.
  private let recurring: RecurringZone?

  static let utc = TimeZoneRules(starts: [], periods: [], earliest: .utc, recurring: nil)

  private init(starts: [Int], periods: [Period], earliest: Period, recurring: RecurringZone?) {
    self.starts = starts
    self.periods = periods
    self.earliest = earliest
    self.recurring = recurring
  }

  /// The period at a moment, and the seconds in which it holds.
  func period(at seconds: Int) -> (period: Period, range: Range<Int>) {
    var (low, high) = (0, starts.count)
    while low < high {
      let middle = (low + high) / 2
      if starts[middle] <= seconds { low = middle + 1 } else { high = middle }
    }
    if low == starts.count, let recurring {
      let (period, range) = recurring.period(at: seconds)
      return (period, max(range.lowerBound, starts.last ?? .min)..<range.upperBound)
    }
    return (
      low == 0 ? earliest : periods[low - 1],
      (low == 0 ? .min : starts[low - 1])..<(low == starts.count ? .max : starts[low])
    )
  }

  /// The offset of a wall clock's time, given as seconds since 1970 as if it were UTC. A time that
  /// a change of clocks leaves out or repeats gets one of the two offsets that meet there, as in
  /// Go's `time.Date`.
  func offset(ofLocal seconds: Int) -> Int {
    let (period, range) = period(at: seconds)
    let moment = seconds - period.offset
    return range.contains(moment) ? period.offset : self.period(at: moment).period.offset
  }
}

extension TimeZoneRules {
  /// Reads a TZif file (RFC 9636 §3); nil where it is broken.
  init?(tzif bytes: [UInt8]) {
    guard let first = Header(bytes, at: 0) else { return nil }
    guard first.version >= 2 else {
      self.init(first, bytes, wide: false)
      return
    }
    guard let second = Header(bytes, at: first.end(timeBytes: 4)) else { return nil }
    self.init(second, bytes, wide: true)
  }

  /// The counts at the beginning of a data block.
  private struct Header {
    let version: Int
    let start: Int
    let isUTs, isStds, leaps, times, types, characters: Int

    init?(_ bytes: [UInt8], at position: Int) {
      guard position + 44 <= bytes.count, bytes[position..<position + 4].elementsEqual("TZif".utf8)
      else { return nil }
      let digit = bytes[position + 4]
      version = digit >= 50 ? 2 : 1
      let counts = (0..<6).map { Header.number(bytes, position + 20 + 4 * $0, 4) }
      (isUTs, isStds, leaps, times, types, characters) =
        (counts[0], counts[1], counts[2], counts[3], counts[4], counts[5])
      start = position + 44
      guard counts.allSatisfy({ (0...65_536).contains($0) }), types > 0 else { return nil }
    }

    func end(timeBytes: Int) -> Int {
      start + times * (timeBytes + 1) + types * 6 + characters + leaps * (timeBytes + 4) + isStds
        + isUTs
    }

    /// Big-endian, signed.
    static func number(_ bytes: [UInt8], _ position: Int, _ count: Int) -> Int {
      let magnitude = bytes[position..<position + count].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      return count == 8
        ? Int(Int64(bitPattern: magnitude)) : Int(Int32(truncatingIfNeeded: magnitude))
    }
  }

  private init?(_ header: Header, _ bytes: [UInt8], wide: Bool) {
    let timeBytes = wide ? 8 : 4
    let end = header.end(timeBytes: timeBytes)
    guard end <= bytes.count else { return nil }
    let indices = header.start + header.times * timeBytes
    let types = indices + header.times
    let names = types + header.types * 6
    let text = bytes[names..<names + header.characters]
    var known: [Period] = []
    for type in 0..<header.types {
      let place = types + type * 6
      let name = names + Int(bytes[place + 5])
      guard name < text.endIndex else { return nil }
      known.append(
        Period(
          offset: Header.number(bytes, place, 4),
          abbreviation: String(decoding: text[name...].prefix { $0 != 0 }, as: UTF8.self)))
    }
    var starts: [Int] = []
    var periods: [Period] = []
    for index in 0..<header.times {
      let start = Header.number(bytes, header.start + index * timeBytes, timeBytes)
      let type = Int(bytes[indices + index])
      guard type < known.count, starts.last.map({ $0 < start }) ?? true else { return nil }
      starts.append(start)
      periods.append(known[type])
    }
    let footer = wide ? bytes[end...].dropFirst().prefix { $0 != 0x0a } : []
    self.init(
      starts: starts, periods: periods, earliest: known[0],
      recurring: footer.isEmpty ? nil : RecurringZone(Array(footer)))
  }
}
