/// Open holds by the moment they expire: a binary heap. An entry whose hold has ended meanwhile is
/// passed over when its time comes; the owner rebuilds the queue when such entries outnumber the
/// living.
struct ExpiryQueue: Sendable {
  struct Entry: BitwiseCopyable, Sendable {
    /// Nanoseconds since 1970.
    let at: Int64
    /// Breaks ties, so that the order of expiry is the order of creation.
    let sequence: Int64
    let hold: UInt128

    static func < (left: Entry, right: Entry) -> Bool {
      (left.at, left.sequence) < (right.at, right.sequence)
    }
  }

  private var heap: [Entry] = []

  var count: Int { heap.count }
  var earliest: Int64? { heap.first?.at }

  mutating func insert(_ entry: Entry) {
    heap.append(entry)
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard heap[child] < heap[parent] else { return }
      heap.swapAt(child, parent)
      child = parent
    }
  }

  /// The earliest entry that is due; nil where none is.
  mutating func popDue(at now: Int64) -> Entry? {
    guard let first = heap.first, first.at <= now else { return nil }
    heap.swapAt(0, heap.count - 1)
    heap.removeLast()
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < heap.count && heap[child] < heap[least] { least = child }
      guard least != parent else { return first }
      heap.swapAt(parent, least)
      parent = least
    }
  }

  mutating func keep(where isLiving: (Entry) -> Bool) {
    let living = heap.filter(isLiving)
    heap = []
    for entry in living { insert(entry) }
  }
}
