package import StrictJSON
import Vocabulary

/// A status that any request may be answered with, whatever it asks for: at the door, or behind it before its operation
/// is reached. This is the one list. Every OpenAPI document repeats it (`x-every-request`), and tests hold the
/// documents, the door's refusals and this list against each other.
package struct DoorAnswer: Sendable, Hashable {
  /// HTTP status, 400–599.
  package let status: Int
  /// Its name among a document's `components/responses`.
  package let name: String
  /// What it means to the client, a sentence.
  package let meaning: String
  /// The field that comes with it, and its JSON type.
  package let field: (name: String, type: String)?

  private init(
    _ status: Int, _ name: String, _ meaning: String, field: (name: String, type: String)? = nil
  ) {
    self.status = status
    self.name = name
    self.meaning = meaning
    self.field = field
  }

  /// By status.
  package static let all = [
    DoorAnswer(
      400, "Malformed",
      "The request is not well formed: its path, query, fields or content. `field` may say where."),
    DoorAnswer(
      401, "Unauthenticated", "No token, or one that is not valid; `WWW-Authenticate` says which.",
      field: ("WWW-Authenticate", "string")),
    DoorAnswer(
      403, "Forbidden",
      "The token lacks a scope of the operation, or the policies do not allow it."),
    DoorAnswer(404, "NotFound", "There is no such thing, or it is not yours to see."),
    DoorAnswer(
      405, "MethodNotAllowed", "Another method is meant; `Allow` names those that there are.",
      field: ("Allow", "string")),
    DoorAnswer(408, "RequestTimeout", "The request did not arrive in time."),
    DoorAnswer(413, "ContentTooLarge", "The content is larger than this operation takes."),
    DoorAnswer(414, "TargetTooLong", "Path and query together are too long."),
    DoorAnswer(
      415, "MediaTypeNotSupported",
      "The content is of another media type or coding than this operation takes."),
    DoorAnswer(417, "ExpectationFailed", "Only `100-continue` can be expected."),
    DoorAnswer(
      422, "NotProcessable", "The content is well formed, but says something that cannot be."),
    DoorAnswer(
      429, "RateLimited",
      "A limit of the client, user, address or route is used up; `Retry-After` says how long.",
      field: ("Retry-After", "integer")),
    DoorAnswer(431, "HeadTooLarge", "The fields of the request are too many or too long."),
    DoorAnswer(
      500, "InternalError", "Something is wrong on our side; quote the correlation id."),
    DoorAnswer(
      502, "BadGateway",
      "A service behind the door gave no usable answer; `outcome-unknown`: try again with the same key."
    ),
    DoorAnswer(
      503, "Unavailable", "Something is not there just now; try again with the same key.",
      field: ("Retry-After", "integer")),
    DoorAnswer(
      504, "DeadlineExceeded", "No answer came in time; try again with the same key."),
    DoorAnswer(505, "VersionNotSupported", "Only HTTP/1.1 is spoken here."),
  ]

  package static func == (left: DoorAnswer, right: DoorAnswer) -> Bool {
    left.status == right.status
  }
  package func hash(into hasher: inout Hasher) { hasher.combine(status) }

  /// As a response object of OpenAPI 3.1; the content is a `Problem` of the document's schemas.
  package var response: JSON {
    var response: [String: JSON] = [
      "description": .string(meaning),
      "content": [
        "application/problem+json": ["schema": ["$ref": "#/components/schemas/Problem"]]
      ],
    ]
    if let field {
      response["headers"] = .object([field.name: ["schema": ["type": .string(field.type)]]])
    }
    return .object(response)
  }

  /// The problem of RFC 9457 as the door writes it, for documents that have no schema of it.
  package static let problem: JSON = [
    "type": "object",
    "description": "RFC 9457. `type` ends in a word that is stable; `kind` is what to decide on.",
    "required": ["type", "title", "status", "kind"],
    "properties": [
      "type": ["type": "string"], "title": ["type": "string"], "status": ["type": "integer"],
      "kind": [
        "type": "string", "enum": .array(ProblemKind.allCases.map { .string($0.rawValue) }),
      ],
      "detail": ["type": "string"], "field": ["type": "string"],
      "correlation_id": ["type": "string"],
    ],
  ]
}
