/// Finds a 32-bit position by a 128-bit id: open addressing with linear probing, at most three
/// quarters full, 24 bytes for each place. Nothing is allocated except when it grows.
///
/// Ids come from outside, so the hash is keyed: without the key nobody can choose ids that meet.
struct IDTable: Sendable {
  private struct Place: BitwiseCopyable, Sendable {
    var low: UInt64 = 0
    var high: UInt64 = 0
    /// The position plus one; 0 where the place is free.
    var mark: UInt32 = 0
  }

  private var places: [Place]
  private var mask: Int
  private let key: UInt64
  private(set) var count = 0

  /// - Parameter capacity: ids that fit before the table grows.
  init(capacity: Int = 0, key: UInt64) {
    var size = 16
    while size * 3 / 4 < capacity { size *= 2 }
    places = Array(repeating: Place(), count: size)
    mask = size - 1
    self.key = key
  }

  func find(_ id: UInt128) -> Int? {
    let low = UInt64(truncatingIfNeeded: id)
    let high = UInt64(truncatingIfNeeded: id >> 64)
    var index = home(low, high)
    while true {
      let place = places[index]
      guard place.mark != 0 else { return nil }
      if place.low == low, place.high == high { return Int(place.mark - 1) }
      index = (index + 1) & mask
    }
  }

  /// Looks at the place where a search for the id begins, so that it is in the cache when the search
  /// comes: a hundred looks that do not wait for one another cost little more than one.
  /// - Returns: something that depends on the look, or the compiler leaves it out.
  @inline(__always)
  func touch(_ id: UInt128) -> UInt32 {
    places[home(UInt64(truncatingIfNeeded: id), UInt64(truncatingIfNeeded: id >> 64))].mark
  }

  /// The id must not be in the table yet; the position must be below 2^32 − 1.
  mutating func insert(_ id: UInt128, at position: Int) {
    if (count + 1) * 4 > places.count * 3 { grow() }
    place(
      Place(
        low: UInt64(truncatingIfNeeded: id), high: UInt64(truncatingIfNeeded: id >> 64),
        mark: UInt32(position) + 1))
    count += 1
  }

  /// Closes the gap that a removed id leaves, so that probing never meets a grave.
  mutating func remove(_ id: UInt128) {
    let low = UInt64(truncatingIfNeeded: id)
    let high = UInt64(truncatingIfNeeded: id >> 64)
    var gap = home(low, high)
    while places[gap].mark != 0, places[gap].low != low || places[gap].high != high {
      gap = (gap + 1) & mask
    }
    guard places[gap].mark != 0 else { return }
    count -= 1
    var next = gap
    while true {
      next = (next + 1) & mask
      let moved = places[next]
      guard moved.mark != 0 else { break }
      let distance = (next - home(moved.low, moved.high)) & mask
      guard distance >= (next - gap) & mask else { continue }
      places[gap] = moved
      gap = next
    }
    places[gap] = Place()
  }

  private mutating func grow() {
    let old = places
    places = Array(repeating: Place(), count: old.count * 2)
    mask = places.count - 1
    for moved in old where moved.mark != 0 { place(moved) }
  }

  private mutating func place(_ new: Place) {
    var index = home(new.low, new.high)
    while places[index].mark != 0 { index = (index + 1) & mask }
    places[index] = new
  }

  /// Both halves folded by one 128-bit product: enough where the key is secret.
  @inline(__always)
  private func home(_ low: UInt64, _ high: UInt64) -> Int {
    let product = (low ^ key).multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15)
    let folded = (product.high ^ product.low ^ high).multipliedFullWidth(
      by: 0xd6e8_feb8_6659_fd93 ^ (key | 1))
    return Int(truncatingIfNeeded: folded.high ^ folded.low) & mask
  }
}
