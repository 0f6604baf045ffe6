/// The holds that are neither posted, voided nor expired, in flat storage, with the moments at which
/// they expire. One that ends is known until the batch is over, so that later events of the batch
/// find what they name.
struct OpenHolds: Sendable {
  private struct Place: BitwiseCopyable, Sendable {
    var hold: KnownTransfer
    var isOpen: Bool
  }

  private var places: [Place] = []
  private var free: [Int] = []
  private var ended: [Int] = []
  private var table: IDTable
  private(set) var expiries = ExpiryQueue()

  init(key: UInt64) { table = IDTable(key: key) }

  var count: Int { table.count - ended.count }

  /// Open, or ended by this batch.
  func named(_ id: UInt128) -> KnownTransfer? { table.find(id).map { places[$0].hold } }
  func isOpen(_ id: UInt128) -> Bool { table.find(id).map { places[$0].isOpen } ?? false }

  mutating func keep(_ hold: KnownTransfer) {
    let place = Place(hold: hold, isOpen: true)
    if let index = free.popLast() {
      places[index] = place
      table.insert(hold.row.id, at: index)
    } else {
      table.insert(hold.row.id, at: places.count)
      places.append(place)
    }
    guard let expiry = hold.row.expiresAt else { return }
    expiries.insert(.init(at: expiry, sequence: hold.sequence, hold: hold.row.id))
    // Holds that ended before their time leave an entry behind; sweep when those are most of the
    // queue.
    if expiries.count > 2 * count + 1_024 {
      let (table, places) = (table, places)
      expiries.keep { entry in
        table.find(entry.hold).map { Self.is(entry, of: places[$0].hold) } ?? false
      }
    }
  }

  /// Ends an open hold.
  mutating func end(_ id: UInt128) {
    guard let index = table.find(id), places[index].isOpen else { return }
    places[index].isOpen = false
    ended.append(index)
  }

  /// Takes the latest `end` back.
  mutating func reopenLast() {
    guard let index = ended.popLast() else { return }
    places[index].isOpen = true
  }

  /// Takes a `keep` back.
  mutating func remove(_ id: UInt128) {
    guard let index = table.find(id) else { return }
    table.remove(id)
    free.append(index)
  }

  /// Forgets what ended in the batch before.
  mutating func beginBatch() {
    for index in ended {
      table.remove(places[index].hold.row.id)
      free.append(index)
    }
    ended.removeAll(keepingCapacity: true)
  }

  /// The next hold whose time has come, in the order in which they expire; it stays open.
  mutating func popDue(at now: Int64) -> KnownTransfer? {
    while let entry = expiries.popDue(at: now) {
      guard let index = table.find(entry.hold), places[index].isOpen else { continue }
      if Self.is(entry, of: places[index].hold) { return places[index].hold }
    }
    return nil
  }

  /// False for what a hold has left that was undone with its chain, though one with the same id was made after it: that
  /// one expires at its own place.
  private static func `is`(_ entry: ExpiryQueue.Entry, of hold: KnownTransfer) -> Bool {
    hold.sequence == entry.sequence && hold.row.expiresAt == entry.at
  }

  /// All that are open, in the order of their sequence.
  var all: [KnownTransfer] {
    let vacant = Set(free)
    return places.indices.filter { !vacant.contains($0) && places[$0].isOpen }
      .map { places[$0].hold }.sorted { $0.sequence < $1.sequence }
  }
}
