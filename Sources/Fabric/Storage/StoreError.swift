package import Vocabulary

/// What can be wrong with a store. The first group keeps a service from starting and says what to
/// do; the second is about one call: `problem` tells the caller to try again, or that we are wrong.
package enum StoreError: Error, Hashable, Sendable {
  /// Another process has this store open.
  case inUse(path: String)
  /// The folder or the file cannot be read or written.
  case unreadable(path: String, reason: String)
  /// The file is damaged, or is no database. It is left as it is.
  case corrupt(path: String, reason: String)
  /// A migration that ran here reads differently now.
  case migrationEdited(number: Int, name: String)
  /// The store has been migrated by a newer program: this one knows only up to `known`.
  case migratedByNewer(number: Int, known: Int)
  /// The program's migrations are not numbered 1, 2, 3 …
  case migrationsOutOfOrder(number: Int)
  /// A migration's SQL fails.
  case migrationFailed(number: Int, name: String, reason: String)

  /// The server that keeps the store does not let us in: a wrong password, no such database, no privilege.
  case notAdmitted(place: String, reason: String)
  /// The server does not keep what it was given, or is too old: why, in words.
  case unsuitable(place: String, reason: String)

  /// The server that keeps the store is not there, or was not when it should have answered: what was on its way may be
  /// kept or not.
  case unreachable(place: String, reason: String)
  /// Another process has taken the store over; this one keeps nothing any more.
  case deposed(place: String)
  /// No room left on the disk; nothing of the call was kept.
  case diskFull
  /// The disk does not read or write; nothing of the call was kept.
  case inputOutput(code: Int32)
  /// More writes wait than `WriteQueue.jobsMax`.
  case overloaded
  /// The store is closed, or closing.
  case closed
  /// A uniqueness, foreign key or check rule of the schema; the text names the rule and columns,
  /// never values.
  case constraint(String)
  /// A column that is not there or of another type.
  case unexpectedColumn(String)
  /// Anything else the database says, with its result code.
  case failed(code: Int32, reason: String)
}

extension StoreError: Refusal {
  package var problem: Problem {
    switch self {
    case .diskFull:
      Problem(
        "storage-full", 503, "No room to keep this; nothing was done",
        retryAfterSeconds: 30)
    case .inUse, .unreadable, .corrupt, .inputOutput, .overloaded, .closed, .notAdmitted,
      .unsuitable, .unreachable, .deposed:
      .unavailable(retryAfterSeconds: 2)
    case .migrationEdited, .migratedByNewer, .migrationsOutOfOrder, .migrationFailed, .constraint,
      .unexpectedColumn, .failed:
      .defect
    }
  }
}

extension StoreError: CustomStringConvertible {
  /// For operators: what is wrong, and what to do about it.
  package var description: String {
    switch self {
    case .inUse(let path):
      "\(path) is open in another process. Stop that process first; one store has one owner."
    case .unreadable(let path, let reason):
      "\(path) cannot be opened: \(reason). Check that it belongs to this user and has mode 0600."
    case .corrupt(let path, let reason):
      """
      \(path) is damaged (\(reason)). Nothing was changed. To restore: move \(path), \(path)-wal and \
      \(path)-shm away together, put the newest backup in the place of the first (one made with \
      `sqlite3 \(path) ".backup COPY"`), and start again. `sqlite3 \(path) .recover` may save rows \
      from the damaged file.
      """
    case .migrationEdited(let number, let name):
      """
      Migration \(number) (\(name)) was changed after it ran on this store. Restore its text; add a \
      new one instead.
      """
    case .migratedByNewer(let number, let known):
      """
      The store has migration \(number), this program knows up to \(known). Start the newer program.
      """
    case .migrationsOutOfOrder(let number):
      "Migration \(number) is not in its place: migrations are numbered 1, 2, 3 without a gap."
    case .migrationFailed(let number, let name, let reason):
      "Migration \(number) (\(name)) fails: \(reason). The store is as it was before."
    case .notAdmitted(let place, let reason):
      """
      \(place) does not let us in: \(reason). Check user, password (a passfile of mode 0600), database and \
      privileges (CONNECT, and CREATE on the schema).
      """
    case .unsuitable(let place, let reason): "\(place) cannot keep a store: \(reason)."
    case .unreachable(let place, let reason):
      "\(place) is not there: \(reason). Check that the server runs and that the address is right."
    case .deposed(let place):
      "Another process has taken the store at \(place) over. This one keeps nothing any more and must start again."
    case .diskFull: "The disk is full."
    case .inputOutput(let code): "The disk does not read or write (code \(code))."
    case .overloaded: "Too many writes are waiting."
    case .closed: "The store is closed."
    case .constraint(let rule): "A rule of the schema forbids it: \(rule)."
    case .unexpectedColumn(let name): "Column \(name) is not there, or of another type."
    case .failed(let code, let reason): "The database says \(reason) (code \(code))."
    }
  }
}
