/// Decides who may be answered: which entries are on their way to the disk, which are durable, and
/// what counts for nothing because an entry before it was lost. Pure; the runner holds it under a
/// lock.
package struct CommitFlow: Hashable, Sendable {
  /// Where an entry stands that an answer rests on.
  package enum Standing: Hashable, Sendable {
    case durable
    case onItsWay
    /// It is lost, or may be: whoever asked must ask again.
    case lost
  }

  /// Groups on their way to the disk at most: one that the disk writes, one that waits for it.
  package static let flightsMax = 2

  package private(set) var flights = 0
  /// True from the first group that could not be kept until the books were read again.
  package private(set) var isLost = false
  /// Counts how often the books were read; what was decided before is not comparable.
  package private(set) var generation: Int
  /// The last entry on the disk, and the last transfer in it.
  package private(set) var durable: Int64
  package private(set) var durableTransfer: Int64
  /// The last transfer that was decided.
  package private(set) var decidedTransfer: Int64

  /// - Parameters:
  ///   - tip: the last entry of the journal as it was read.
  ///   - transfer: the last transfer in it.
  package init(tip: Int64, transfer: Int64, generation: Int) {
    durable = tip
    durableTransfer = transfer
    decidedTransfer = transfer
    self.generation = generation
  }

  package var mayDecide: Bool { !isLost && flights < Self.flightsMax }
  /// True when the books must be read again and nothing is on its way any more.
  package var mustRead: Bool { isLost && flights == 0 }

  package mutating func decided(through transfer: Int64) { decidedTransfer = transfer }

  /// A group was handed to the disk.
  package mutating func tookOff() { flights += 1 }

  /// The disk has answered for the oldest group on its way.
  /// - Parameters:
  ///   - entry: the journal's tip when the group was decided.
  ///   - kept: false for anything but a certain success.
  package mutating func landed(entry: Int64, transfer: Int64, kept: Bool) {
    flights -= 1
    guard kept, !isLost else {
      isLost = true
      return
    }
    durable = max(durable, entry)
    durableTransfer = max(durableTransfer, transfer)
  }

  /// Where an answer stands that rests on this entry of this generation.
  package func standing(of entry: Int64, in generation: Int) -> Standing {
    guard !isLost, generation == self.generation else { return .lost }
    return entry <= durable ? .durable : .onItsWay
  }
}
