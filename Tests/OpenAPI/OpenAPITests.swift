import OpenAPI
import SchemaEngine
import StrictJSON
import Testing

@Suite struct `An OpenAPI document` {
  private static let document = """
    {"openapi": "3.1.0",
     "paths": {"/v1/orders/{id}": {
       "parameters": [{"$ref": "#/components/parameters/ID"}],
       "post": {"operationId": "changeOrder",
         "parameters": [
           {"name": "dry_run", "in": "query", "schema": {"type": "boolean"}},
           {"name": "limit", "in": "query", "required": true, "schema": {"type": "integer", "minimum": 1}},
           {"name": "code", "in": "query", "schema": {"type": "string", "pattern": "^[0-9]+$"}}],
         "requestBody": {"required": true, "content": {"application/json; charset=utf-8": {
           "schema": {"$ref": "#/components/schemas/Order"}, "example": {"count": 1}}}},
         "responses": {"200": {"$ref": "#/components/responses/Done"},
           "4XX": {"content": {"application/problem+json": {"schema": {"required": ["type"]}}}}}}}},
     "components": {
       "parameters": {"ID": {"name": "id", "in": "path", "required": true,
         "schema": {"type": "string", "format": "uuid"}}},
       "responses": {"Done": {"content": {"application/json": {"schema": {"type": "object"}}}}},
       "schemas": {"Order": {"type": "object", "additionalProperties": false,
         "properties": {"count": {"$ref": "#/components/schemas/Count"}}},
         "Count": {"type": "integer", "minimum": 1}}}}
    """

  private func operation() throws -> OpenAPIOperation {
    let document = try OpenAPIDocument(JSON.parse(Self.document.utf8))
    return try #require(document.operation("changeOrder"))
  }

  private func accepts(_ schema: Schema?, _ text: String) throws -> Bool {
    try #require(schema).accepts(JSONDocument.parse(text.utf8))
  }

  @Test func `says what a body and an answer must be`() throws {
    let operation = try operation()
    #expect(operation.isBodyRequired && operation.bodyTypes == ["application/json"])
    #expect(try accepts(operation.body("application/json"), #"{"count": 2}"#))
    #expect(try !accepts(operation.body("Application/JSON; charset=utf-8"), #"{"count": 0}"#))
    #expect(try !accepts(operation.body("application/json"), #"{"number": 2}"#))
    #expect(operation.body("text/plain") == nil)
    #expect(try accepts(operation.answer(200, "application/json"), "{}"))
    #expect(try !accepts(operation.answer(404, "application/problem+json"), "{}"))
    #expect(operation.answer(500, "application/json") == nil)
    #expect(operation.examples.map(\.place).count == 1)
  }

  @Test func `takes a parameter for what its schema wants it to be`() throws {
    let parameters = try operation().parameters
    func fault(_ name: String, _ value: String) throws -> String? {
      try #require(parameters.first { $0.name == name }).fault(value)
    }
    #expect(parameters.map(\.name).sorted() == ["code", "dry_run", "id", "limit"])
    #expect(try fault("limit", "5") == nil && fault("code", "5") == nil)
    #expect(try fault("dry_run", "true") == nil && fault("dry_run", "1") != nil)
    #expect(try fault("limit", "0") == "is below 1")
    for odd in ["1e1", "5.0", "05", "+5"] { #expect(try fault("limit", odd) != nil, "\(odd)") }
    #expect(try fault("limit", "x") == "must be a whole number, and is a string")
    #expect(try fault("id", "x") == "is no uuid")
  }

  @Test(arguments: [
    (#"{"openapi": "3.0.3", "paths": {}}"#, "#/openapi"),
    (
      ##"{"openapi": "3.1.0", "paths": {"/a": {"get": {"parameters": [{"$ref": "#/nowhere"}]}}}}"##,
      "#/nowhere"
    ),
    (
      ##"{"openapi": "3.1.0", "paths": {"/a": {"get": {"parameters": [{"in": "query"}]}}}}"##,
      "#/paths/~1a/get/parameters/0"
    ),
    (
      ##"{"openapi": "3.1.0", "paths": {"/a": {"$ref": "#/paths/~1a"}}}"##, "#/paths/~1a"
    ),
  ])
  func `is refused where it is none, and says where`(text: String, place: String) throws {
    let error = try #require(throws: SchemaError.self) {
      try OpenAPIDocument(JSON.parse(text.utf8))
    }
    #expect(error.place == place)
  }
}
