package import SchemaEngine
package import StrictJSON

/// A parameter outside the body.
package struct OpenAPIParameter: Sendable {
  package enum Place: String, Sendable {
    case path, query, header, cookie
  }

  package let place: Place
  package let name: String
  package let isRequired: Bool
  let schema: Schema

  /// Whether the schema leaves free what is written here.
  package var isFreeText: Bool { schema.freeText?.isText ?? false }

  /// Why a value is not what the schema wants; nil where it is.
  ///
  /// A parameter is text. It is taken for a number or a truth value where it is spelled like one and the schema wants that;
  /// for a whole number only where it is spelled as one, since not everybody reads `1e1` as ten.
  package func fault(_ value: String) -> String? {
    var readings = [JSON.string(value)]
    if value.utf8.count <= JSONLimits.numberBytesMax,
      let plain = try? JSON.parse(value.utf8), Self.isPlain(plain)
    {
      readings.insert(plain, at: 0)
    }
    var reason: String?
    for reading in readings {
      guard let document = try? JSONDocument.parse(reading.canonicalBytes) else { continue }
      guard let fault = schema.faults(document).first else { return nil }
      reason = reason ?? fault.reason
    }
    return reason ?? "is not acceptable"
  }

  private static func isPlain(_ value: JSON) -> Bool {
    switch value {
    case .bool, .integer: true
    case .number(let number): number != number.rounded()
    case .null, .string, .array, .object: false
    }
  }
}

/// What an operation takes and answers.
package struct OpenAPIOperation: Sendable {
  /// An example that the document gives, and the schema beside which it stands.
  package struct Example: Sendable {
    package let place: String
    package let value: JSON
    package let schema: Schema
  }

  package let id: String?
  package let method: String
  package let path: String
  package let parameters: [OpenAPIParameter]
  package let isBodyRequired: Bool
  package let examples: [Example]
  /// By media type, without its parameters, in small letters.
  private let bodies: [String: Schema]
  private let answers: [String: [String: Schema]]

  init(_ draft: OpenAPIReader.Draft, _ schemas: [Schema]) {
    id = draft.id
    method = draft.method
    path = draft.path
    isBodyRequired = draft.isBodyRequired
    parameters = draft.parameters.map {
      OpenAPIParameter(
        place: $0.0, name: $0.name, isRequired: $0.isRequired, schema: schemas[$0.schema])
    }
    examples = draft.examples.map {
      Example(place: $0.place, value: $0.value, schema: schemas[$0.schema])
    }
    bodies = Dictionary(
      draft.body.map { (Self.essence($0.type), schemas[$0.schema]) }, uniquingKeysWith: { $1 })
    var answers: [String: [String: Schema]] = [:]
    for answer in draft.answers {
      answers[answer.status, default: [:]][Self.essence(answer.type)] = schemas[answer.schema]
    }
    self.answers = answers
  }

  /// A media type without its parameters.
  private static func essence(_ type: String) -> String {
    type.prefix { $0 != ";" }.filter { $0 != " " }.lowercased()
  }

  /// Media types that a body may have; empty where it may have none.
  package var bodyTypes: [String] { bodies.keys.sorted() }

  /// The schema of a body of this media type.
  package func body(_ type: String) -> Schema? { bodies[Self.essence(type)] }

  /// The schema of an answer: of its status, of its class (`2XX`), or the default one.
  package func answer(_ status: Int, _ type: String) -> Schema? {
    let kinds = ["\(status)", "\(status / 100)XX", "default"].lazy.compactMap { answers[$0] }.first
    return kinds?[Self.essence(type)]
  }
}
