import Storage

/// What PostgreSQL says no to, with its SQLSTATE; or that nobody knows what became of a statement.
package enum PostgresFailure: Error, Hashable, Sendable {
  /// Refused, and nothing was done.
  case refused(state: String, reason: String)
  /// The connection is gone. What was on its way may be done or not: read, to learn which.
  case lost(String)
  /// The server is there and does not let us in.
  case notAdmitted(String)
  /// An answer of another shape than the statement has.
  case unexpected(String)

  /// Another transaction came between: the same one may succeed when it is done again.
  var isConflict: Bool {
    switch self {
    case .refused(let state, _): state == "40001" || state == "40P01"
    case .lost, .notAdmitted, .unexpected: false
    }
  }

  /// States that end the session whatever the statement was: the server goes, or somebody ended us.
  static func endsSession(_ state: String) -> Bool {
    // Class 08 is about connections; 57P01–57P05 about the end of a session; 25P03 and 25P04 about one that idled.
    state.hasPrefix("08") || state.hasPrefix("57P") || ["25P03", "25P04"].contains(state)
  }
}

extension PostgresFailure {
  /// As the store says it. PostgreSQL's primary messages name rules and columns; values are in the detail, which is
  /// never read.
  func storeError(place: String) -> StoreError {
    switch self {
    case .lost(let reason): return .unreachable(place: place, reason: reason)
    case .notAdmitted(let reason): return .notAdmitted(place: place, reason: reason)
    case .unexpected(let what): return .unexpectedColumn(what)
    case .refused(let state, let reason):
      switch state {
      case "53100": return .diskFull
      case "58030": return .inputOutput(code: 0)
      case "42501", "3D000", "3F000": return .notAdmitted(place: place, reason: reason)
      // Too many connections or locks, a deadlock, a statement that was cancelled: the next attempt may do.
      case "53200", "53300", "40001", "40P01", "55P03", "57014":
        return .unreachable(place: place, reason: reason)
      case _ where state.hasPrefix("23"): return .constraint(reason)
      default: return .failed(code: 0, reason: "\(state) \(reason)")
      }
    }
  }

  static func translated(_ error: any Error, place: String) -> any Error {
    (error as? PostgresFailure)?.storeError(place: place) ?? error
  }
}
