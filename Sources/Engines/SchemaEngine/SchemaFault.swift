/// What is wrong with an instance: where in it, by which keyword of the schema, and why in plain words.
///
/// The reason never quotes values of the instance, since they may be personal data.
package struct SchemaFault: Hashable, Sendable {
  /// Where in the instance: a JSON Pointer (RFC 6901); empty for the whole.
  package let pointer: String
  /// Where in the schema: its URI with a pointer as its fragment.
  package let keyword: String
  /// What is wrong, for a person.
  package let reason: String
}

/// Why a schema was not taken: where in it, and why.
package struct SchemaError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Where in the schema: its URI with a pointer as its fragment.
  package let place: String
  package let reason: String

  package init(place: String, reason: String) {
    self.place = place
    self.reason = reason
  }

  package var description: String { "\(place): \(reason)" }
}
