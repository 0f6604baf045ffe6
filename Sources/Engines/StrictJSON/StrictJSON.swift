/// JSON to and from the types of our contracts: an unknown field is an error, and every error says
/// where and why.
package enum StrictJSON {
  /// Reads exactly one value of a type. Every member of every object must be asked for by the type:
  /// one that is not is refused, as is an element of an array that nobody reads. Integers must be
  /// spelled without fraction and exponent.
  /// - Throws: `JSONError` with a pointer to the first fault.
  package static func decode<T: Decodable>(
    _ type: T.Type, from bytes: some Collection<UInt8>, limits: JSONLimits = .standard
  ) throws(JSONError) -> T {
    let reading = Reading(try Parser.parse(bytes, limits: limits))
    do {
      let value = try reading.decode(type, 0)
      try reading.refuseUnread()
      return value
    } catch let error as JSONError {
      throw error
    } catch let error as DecodingError {
      throw JSONError(error)
    } catch {
      throw JSONError(pointer: "", reason: "not acceptable")
    }
  }

  /// Reads a type from a value that is already parsed, with the same strictness.
  /// - Throws: `JSONError` with a pointer to the first fault.
  package static func decode<T: Decodable>(_ type: T.Type, from value: JSON) throws(JSONError) -> T
  {
    try decode(
      type, from: value.canonicalBytes,
      limits: JSONLimits(bytesMax: .max, depthMax: .max, valuesMax: .max))
  }

  /// Canonical bytes (RFC 8785) of a value; nil optionals are left out.
  /// - Throws: `EncodingError` for a number that JSON cannot hold: not finite, or beyond 64 signed
  ///   bits.
  package static func encode(_ value: some Encodable) throws -> [UInt8] {
    var writer = CanonicalWriter()
    writer.write(try TreeEncoder.encode(value, in: nil, as: nil))
    return writer.bytes
  }
}

extension JSONError {
  init(_ error: DecodingError) {
    switch error {
    case .typeMismatch(_, let context): self.init(context, context.debugDescription)
    case .valueNotFound(_, let context): self.init(context, context.debugDescription)
    case .keyNotFound(let key, let context): self.init(context, "is missing", of: key)
    case .dataCorrupted(let context):
      // The standard library's text for raw values quotes the value, which may be anybody's data.
      let quotes = context.debugDescription.hasPrefix("Cannot initialize")
      self.init(context, quotes ? "not one of the allowed values" : context.debugDescription)
    @unknown default: self.init(pointer: "", reason: "not acceptable")
    }
  }

  private init(
    _ context: DecodingError.Context, _ reason: String, of key: (any CodingKey)? = nil
  ) {
    var path = context.codingPath.map(\.stringValue)
    if let key { path.append(key.stringValue) }
    self.init(pointer: jsonPointer(path), reason: reason)
  }
}
