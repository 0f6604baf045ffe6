import CPostgres

/// What PostgreSQL says no to, with its SQLSTATE; or that nobody knows what became of a statement.
package enum PostgresFailure: Error, Hashable, Sendable, CustomStringConvertible {
  /// Refused, and nothing was done.
  case refused(state: String, reason: String)
  /// The connection is gone. What was on its way may be done or not: read, to learn which.
  case lost(String)
  /// An answer of another shape than the statement has.
  case unexpected

  package var description: String {
    switch self {
    case .refused(let state, let reason): "PostgreSQL refuses (\(state)): \(reason)"
    case .lost(let reason): "the connection to PostgreSQL is lost: \(reason)"
    case .unexpected: "PostgreSQL answered in another shape than asked"
    }
  }
}

/// One session with PostgreSQL through libpq. Blocks; one thread at a time. A class: it owns the
/// session, which ends with it.
package final class PostgresConnection {
  /// A parameter or a column; numbers and bytes travel in binary.
  package enum Value: Hashable, Sendable {
    case integer(Int64)
    case bytes([UInt8])
    case null

    /// PostgreSQL's numbers for `bigint` and `bytea`.
    fileprivate var type: Oid {
      switch self {
      case .integer: 20
      case .bytes, .null: 17
      }
    }
    fileprivate var wire: [UInt8]? {
      switch self {
      case .integer(let number): withUnsafeBytes(of: number.bigEndian) { Array($0) }
      case .bytes(let bytes): bytes
      case .null: nil
      }
    }
  }

  package struct Answer: Sendable {
    package let rows: [[Value]]
    /// Rows that a change has touched.
    package let changed: Int
  }

  private let session: OpaquePointer

  /// - Parameter location: a connection string or URL of libpq.
  /// - Throws: `.lost` where nobody answers there.
  package init(_ location: String) throws(PostgresFailure) {
    guard let session = PQconnectdb(location) else { throw .lost("out of memory") }
    guard PQstatus(session) == CONNECTION_OK else {
      let reason = String(cString: PQerrorMessage(session))
      PQfinish(session)
      throw .lost(reason)
    }
    self.session = session
  }

  deinit { PQfinish(session) }

  /// Statements without parameters and answers.
  package func script(_ sql: String) throws(PostgresFailure) {
    let result = PQexec(session, sql)
    defer { PQclear(result) }
    try check(result)
  }

  /// One statement; outside of a transaction it is durable when this returns.
  package func execute(_ sql: String, _ values: [Value] = []) throws(PostgresFailure) -> Answer {
    let wires = values.map(\.wire)
    let types = values.map(\.type)
    let lengths = wires.map { Int32($0?.count ?? 0) }
    let formats = [Int32](repeating: 1, count: values.count)
    let result = Self.withPointers(to: wires) { pointers in
      PQexecParams(session, sql, Int32(values.count), types, pointers, lengths, formats, 1)
    }
    defer { PQclear(result) }
    try check(result)
    let changed = Int(String(cString: PQcmdTuples(result))) ?? 0
    let rows = (0..<PQntuples(result)).map { row in
      (0..<PQnfields(result)).map { Self.value(result, row, $0) }
    }
    return Answer(rows: rows, changed: changed)
  }

  private func check(_ result: OpaquePointer?) throws(PostgresFailure) {
    let status = PQresultStatus(result)
    if status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK { return }
    guard PQstatus(session) == CONNECTION_OK,
      let state = PQresultErrorField(result, Int32(UInt8(ascii: "C")))
    else { throw .lost(String(cString: PQerrorMessage(session))) }
    throw .refused(
      state: String(cString: state), reason: String(cString: PQresultErrorMessage(result)))
  }

  private static func value(_ result: OpaquePointer?, _ row: Int32, _ column: Int32) -> Value {
    guard PQgetisnull(result, row, column) == 0, let start = PQgetvalue(result, row, column) else {
      return .null
    }
    let bytes = UnsafeRawBufferPointer(start: start, count: Int(PQgetlength(result, row, column)))
    switch (PQftype(result, column), bytes.count) {
    case (20, 8): return .integer(Int64(bigEndian: bytes.loadUnaligned(as: Int64.self)))
    case (23, 4): return .integer(Int64(Int32(bigEndian: bytes.loadUnaligned(as: Int32.self))))
    case (16, 1): return .integer(Int64(bytes[0]))
    default: return .bytes(Array(bytes))
    }
  }

  /// The bytes of each parameter, for as long as the call lasts.
  private static func withPointers<Result>(
    to wires: [[UInt8]?], _ body: ([UnsafePointer<CChar>?]) -> Result
  ) -> Result {
    func go(_ index: Int, _ pointers: [UnsafePointer<CChar>?]) -> Result {
      guard index < wires.count else { return body(pointers) }
      guard let wire = wires[index] else { return go(index + 1, pointers + [nil]) }
      // An empty array may have no address, but libpq takes none for NULL.
      return (wire.isEmpty ? [0] : wire).withUnsafeBytes { bytes in
        go(index + 1, pointers + [bytes.baseAddress?.assumingMemoryBound(to: CChar.self)])
      }
    }
    return go(0, [])
  }
}
