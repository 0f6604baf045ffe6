import Vocabulary

/// How much room there is on the file system of a service's store, and what follows from that. Pure: `DiskWatch` measures.
package struct DiskRoom: Hashable, Sendable {
  /// In the order of growing need.
  package enum Level: Int, Sendable, Hashable, CaseIterable {
    /// Everything goes on.
    case ample
    /// Everything goes on; `status`, a metric and an audit record warn.
    case scarce
    /// What is left is kept to finish what was begun: no new work is taken.
    case reserved

    /// The word in `/readyz`, logs and records.
    package var word: String { "\(self)" }
  }

  /// Room that is kept where the platform says nothing, bytes, and the part of a small file system that it is at most.
  package static let reserveDefault: Int64 = 256 << 20
  package static let reservePartMax: Int64 = 16
  /// The alarm is given when no more than so many times the reserve is left.
  package static let alarmFactor: Int64 = 4
  /// What a platform may ask to be kept, MiB.
  package static let reserveMiBRange = 1...1_048_576

  private let wished: Int64?
  /// Bytes that a service can still write; nil before the first look.
  package private(set) var free: Int64?
  /// Below it no new work is taken, bytes.
  package private(set) var reserve: Int64
  package private(set) var level = Level.ample

  /// - Parameter reserveMiB: room to keep, MiB; nil: `reserveDefault`, or less on a small file system.
  package init(reserveMiB: Int? = nil) {
    wished = reserveMiB.map { Int64($0) << 20 }
    reserve = wished ?? Self.reserveDefault
  }

  /// Below it the alarm is given, bytes.
  package var alarm: Int64 { reserve * Self.alarmFactor }

  /// Takes a look. A level is left for a better one only with an eighth to spare, so that a service at a mark does not change
  /// its mind with every commit.
  /// - Parameters:
  ///   - free: bytes that may still be written.
  ///   - total: size of the file system, bytes.
  /// - Returns: the level, where it is another one than before.
  package mutating func note(free: Int64, total: Int64) -> Level? {
    self.free = free
    reserve = wished ?? min(Self.reserveDefault, total / Self.reservePartMax)
    let before = level
    let (worst, best) = (level(at: free), level(at: free - free / 9))
    if worst.rawValue > level.rawValue {
      level = worst
    } else if best.rawValue < level.rawValue {
      level = best
    }
    return level == before ? nil : level
  }

  private func level(at free: Int64) -> Level {
    free < reserve ? .reserved : free < alarm ? .scarce : .ample
  }
}
