import CPostgres
package import Storage

extension PostgresLocation {
  /// Reads a connection URI (`postgresql://user@host:port/database?…`) or a string of keywords and values, as libpq
  /// has them.
  /// - Throws: `Fault`, in words for the person at the machine.
  package init(parsing text: String) throws(Fault) {
    var message: UnsafeMutablePointer<CChar>?
    guard let options = PQconninfoParse(text, &message) else {
      PQfreemem(message)
      // libpq's own words may quote all of it, and somebody may have put a password there.
      throw Fault(
        "it is neither a URI, postgresql://USER@HOST:PORT/DATABASE?KEY=VALUE, nor a list of KEY=VALUE that libpq knows"
      )
    }
    defer { PQconninfoFree(options) }
    var parameters: [String: String] = [:]
    var option = options
    while let keyword = option.pointee.keyword {
      if let value = option.pointee.val {
        parameters[String(cString: keyword)] = String(cString: value)
      }
      option += 1
    }
    try self.init(parameters)
  }
}
