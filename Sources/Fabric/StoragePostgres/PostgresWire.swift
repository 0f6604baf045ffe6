import CPostgres
package import Storage

/// PostgreSQL's numbers for the types that our schemas have.
enum PostgresType {
  static let (bool, bytea, int8, int2, int4): (Oid, Oid, Oid, Oid, Oid) = (16, 17, 20, 21, 23)
  static let texts: Set<Oid> = [18, 19, 25, 1043]
}

/// Statements as PostgreSQL wants them.
enum PostgresSQL {
  /// With `$1`, `$2` … for each `?` that is not in a quoted text or a comment.
  static func numbered(_ sql: String) -> String {
    var out: [UInt8] = []
    var count = 0
    var quote: UInt8?
    var isComment = false
    var last: UInt8 = 0
    for byte in sql.utf8 {
      defer { last = byte }
      if isComment {
        if byte == UInt8(ascii: "\n") { isComment = false }
      } else if let open = quote {
        if byte == open { quote = nil }
      } else if byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") {
        quote = byte
      } else if byte == UInt8(ascii: "-"), last == byte {
        isComment = true
      } else if byte == UInt8(ascii: "?") {
        count += 1
        out += Array("$\(count)".utf8)
        continue
      }
      out.append(byte)
    }
    return String(decoding: out, as: UTF8.self)
  }
}

/// The arguments of a statement in PostgreSQL's binary formats, in one piece.
struct PostgresMessage {
  private var bytes: [UInt8] = []
  /// Where each argument lies; nil is NULL.
  private var places: [Range<Int>?] = []

  /// - Throws: `.unexpected` where an argument does not fit what the statement takes.
  init(_ arguments: [SQLValue], as types: [Oid]) throws(PostgresFailure) {
    guard arguments.count == types.count else { throw .unexpected("number of arguments") }
    places.reserveCapacity(types.count)
    for (argument, type) in zip(arguments, types) {
      let start = bytes.count
      switch (argument, type) {
      case (.null, _):
        places.append(nil)
        continue
      case (.integer(let number), PostgresType.int8): append(number)
      case (.integer(let number), PostgresType.int4):
        append(
          Int32(truncatingIfNeeded: try Self.within(Int64(Int32.min)...Int64(Int32.max), number)))
      case (.integer(let number), PostgresType.int2):
        append(
          Int16(truncatingIfNeeded: try Self.within(Int64(Int16.min)...Int64(Int16.max), number)))
      case (.text(let text), _) where PostgresType.texts.contains(type):
        bytes.append(contentsOf: text.utf8)
      case (.blob(let blob), PostgresType.bytea): bytes.append(contentsOf: blob)
      default: throw .unexpected("argument \(places.count + 1) of type \(type)")
      }
      places.append(start..<bytes.count)
    }
    // A place at the end must have an address too.
    bytes.append(0)
  }

  private static func within(
    _ range: ClosedRange<Int64>, _ number: Int64
  ) throws(PostgresFailure) -> Int64 {
    guard range.contains(number) else { throw .unexpected("a number out of range") }
    return number
  }

  private mutating func append(_ number: some FixedWidthInteger) {
    withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
  }

  func withPointers<Result>(
    _ body: ([UnsafePointer<CChar>?], _ lengths: [Int32], _ formats: [Int32]) -> Result
  ) -> Result {
    bytes.withUnsafeBytes { buffer in
      let start = buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
      return body(
        places.map { place in place.flatMap { start?.advanced(by: $0.lowerBound) } },
        places.map { Int32($0?.count ?? 0) }, Array(repeating: 1, count: places.count))
    }
  }
}

/// What a statement came to.
package struct PostgresAnswer: Sendable {
  package let rows: [Row]
  /// Rows that a change has touched.
  package let changed: Int

  init(_ result: OpaquePointer) {
    changed = Int(String(cString: PQcmdTuples(result))) ?? 0
    let width = PQnfields(result)
    let columns = Row.Columns((0..<width).map { String(cString: PQfname(result, $0)) })
    rows = (0..<PQntuples(result)).map { row in
      Row(columns: columns, values: (0..<width).map { Self.value(result, row, $0) })
    }
  }

  private static func value(_ result: OpaquePointer, _ row: Int32, _ column: Int32) -> SQLValue {
    guard PQgetisnull(result, row, column) == 0, let start = PQgetvalue(result, row, column) else {
      return .null
    }
    let bytes = UnsafeRawBufferPointer(start: start, count: Int(PQgetlength(result, row, column)))
    let type = PQftype(result, column)
    switch (type, bytes.count) {
    case (PostgresType.int8, 8):
      return .integer(Int64(bigEndian: bytes.loadUnaligned(as: Int64.self)))
    case (PostgresType.int4, 4):
      return .integer(Int64(Int32(bigEndian: bytes.loadUnaligned(as: Int32.self))))
    case (PostgresType.int2, 2):
      return .integer(Int64(Int16(bigEndian: bytes.loadUnaligned(as: Int16.self))))
    case (PostgresType.bool, 1): return .integer(Int64(bytes[0]))
    case _ where PostgresType.texts.contains(type):
      return .text(String(decoding: bytes, as: UTF8.self))
    // Bytes; and any type that no schema of ours has, which whoever asks by type is told of.
    default: return .blob(Array(bytes))
    }
  }
}
