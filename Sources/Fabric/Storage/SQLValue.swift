/// What a column may hold. There is no floating point: nothing we keep is measured, everything is
/// counted.
package enum SQLValue: Hashable, Sendable {
  case null
  case integer(Int64)
  case text(String)
  case blob([UInt8])

  /// Any whole number; outside 64 bits it is clamped, which a money type never reaches.
  package static func count(_ value: some BinaryInteger) -> SQLValue {
    .integer(Int64(clamping: value))
  }
  /// Our own identifiers and other values with one spelling.
  package static func id(_ value: some CustomStringConvertible) -> SQLValue {
    .text(value.description)
  }
  package static func optional(_ text: String?) -> SQLValue { text.map { .text($0) } ?? .null }
  package static func optional(_ number: Int64?) -> SQLValue {
    number.map { .integer($0) } ?? .null
  }
  package static func optional(_ bytes: [UInt8]?) -> SQLValue { bytes.map { .blob($0) } ?? .null }
}

/// One row of an answer. Columns are asked for by name and type; a name that is not there, or
/// another type, is a defect of ours and throws `StoreError.unexpectedColumn`.
package struct Row: Sendable {
  let columns: Columns
  let values: [SQLValue]

  /// Shared by all rows of one answer. A class, so that a thousand rows do not hold a thousand
  /// copies.
  package final class Columns: Sendable {
    let names: [String]
    package init(_ names: [String]) { self.names = names }
  }

  /// - Parameter values: one for each column.
  package init(columns: Columns, values: [SQLValue]) {
    self.columns = columns
    self.values = values
  }

  func value(_ name: String) throws(StoreError) -> SQLValue {
    guard let index = columns.names.firstIndex(of: name) else { throw .unexpectedColumn(name) }
    return values[index]
  }

  package func integer(_ name: String) throws(StoreError) -> Int64 {
    guard case .integer(let number) = try value(name) else { throw .unexpectedColumn(name) }
    return number
  }
  package func text(_ name: String) throws(StoreError) -> String {
    guard case .text(let text) = try value(name) else { throw .unexpectedColumn(name) }
    return text
  }
  package func blob(_ name: String) throws(StoreError) -> [UInt8] {
    guard case .blob(let bytes) = try value(name) else { throw .unexpectedColumn(name) }
    return bytes
  }
  /// Nil for SQL's NULL only.
  package func optionalInteger(_ name: String) throws(StoreError) -> Int64? {
    try value(name) == .null ? nil : integer(name)
  }
  package func optionalText(_ name: String) throws(StoreError) -> String? {
    try value(name) == .null ? nil : text(name)
  }
  package func optionalBlob(_ name: String) throws(StoreError) -> [UInt8]? {
    try value(name) == .null ? nil : blob(name)
  }
}
