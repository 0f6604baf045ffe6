import Synchronization

/// One connection's place at the doors: the connection says how far it is, the doors read it when they
/// need the place. A class, because both hold the same one; no lock, because it changes with every
/// request.
final class EdgePlace: Sendable {
  /// In the order in which connections give up their places.
  enum Standing: UInt8 {
    /// No whole request has come yet, perhaps not even a handshake.
    case unproven
    /// Between two requests.
    case idle
    /// At work on one.
    case busy
  }
  private let value = Atomic(Standing.unproven.rawValue)

  var standing: Standing {
    // Only `stand` writes it: the other cannot be.
    Standing(rawValue: value.load(ordering: .relaxed)) ?? .unproven
  }
  func stand(_ standing: Standing) { value.store(standing.rawValue, ordering: .relaxed) }
}
