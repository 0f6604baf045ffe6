import GRDB

extension StoreError {
  /// From what SQLite says. Its messages name rules and columns; values are never in them because
  /// we bind all of them.
  init(_ error: DatabaseError, path: String) {
    let reason = error.message ?? "no reason given"
    switch error.resultCode {
    case .SQLITE_FULL: self = .diskFull
    case .SQLITE_CORRUPT, .SQLITE_NOTADB: self = .corrupt(path: path, reason: reason)
    case .SQLITE_IOERR: self = .inputOutput(code: error.extendedResultCode.rawValue)
    case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_READONLY:
      self = .unreadable(path: path, reason: reason)
    case .SQLITE_MISUSE: self = .closed
    case .SQLITE_BUSY, .SQLITE_LOCKED: self = .inUse(path: path)
    case .SQLITE_CONSTRAINT: self = .constraint(reason)
    default: self = .failed(code: error.extendedResultCode.rawValue, reason: reason)
    }
  }

  /// The database's errors as ours; what a body threw itself stays what it is.
  static func translated(_ error: any Error, path: String) -> any Error {
    guard let database = error as? DatabaseError else { return error }
    return StoreError(database, path: path)
  }

  /// For places where only the database can fail.
  static func certain(_ error: any Error, path: String) -> StoreError {
    switch error {
    case let error as DatabaseError: StoreError(error, path: path)
    case let error as StoreError: error
    default: .failed(code: 0, reason: "\(type(of: error))")
    }
  }
}
