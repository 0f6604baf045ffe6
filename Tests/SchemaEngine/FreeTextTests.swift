import SchemaEngine
import StrictJSON
import Testing

@Suite struct `Free text in a schema` {
  private static func free(_ schema: String) throws -> FreeText? {
    try Schema(JSON.parse(schema.utf8), formats: .refuse).freeText
  }

  private static func texts(_ schema: String, _ instance: String) throws -> [String] {
    try free(schema)?.texts(in: JSONDocument.parse(instance.utf8)).map { "\($0.name)=\($0.text)" }
      ?? []
  }

  @Test(arguments: [
    #"{"type": "integer"}"#, #"{"type": "boolean"}"#, #"{"type": ["null", "number"]}"#,
    #"{"enum": ["a", "' or 1=1"]}"#, #"{"const": "<script>"}"#,
    #"{"type": "string", "format": "uuid"}"#, #"{"type": "string", "format": "date-time"}"#,
    #"{"type": "string", "pattern": "^[A-Z]{3}$"}"#,
    #"{"type": "string", "pattern": "^(0|[1-9][0-9]*)\\.[0-9a-f]{8}$"}"#,
    #"{"type": "array", "items": {"type": "integer"}}"#,
    #"{"type": "object", "additionalProperties": false, "properties": {"a": {"type": "integer"}}}"#,
    #"{"anyOf": [{"type": "integer"}, {"type": "string", "format": "uuid"}]}"#,
    #"{"allOf": [{"type": "string"}, {"pattern": "^[a-z]+$"}]}"#,
    ##"{"$ref": "#/$defs/id", "$defs": {"id": {"type": "string", "format": "uuid"}}}"##,
  ])
  func `is not where values are confined`(schema: String) throws {
    #expect(try Self.free(schema) == nil, "\(schema)")
  }

  @Test(arguments: [
    #"{"type": "string"}"#, #"{}"#, #"true"#, #"{"type": "string", "maxLength": 5}"#,
    #"{"type": "string", "format": "email"}"#, #"{"type": "string", "format": "uri"}"#,
    // Patterns that look like a fence and are none.
    #"{"type": "string", "pattern": "[A-Z]{3}"}"#, #"{"type": "string", "pattern": "^[A-Z]{3}"}"#,
    #"{"type": "string", "pattern": "^a$|^b"}"#, #"{"type": "string", "pattern": "^(a|b$)"}"#,
    #"{"type": "string", "pattern": "^[^'<>]*$"}"#,
    #"{"type": "string", "pattern": "^[\\p{L}]+$"}"#,
    #"{"type": "string", "pattern": "^.*$"}"#, #"{"type": "string", "pattern": "^[a-z ]+$"}"#,
    #"{"anyOf": [{"type": "string", "format": "uuid"}, {"type": "string"}]}"#,
    #"{"type": "object", "properties": {"a": {"type": "integer"}}}"#,
    #"{"type": "object", "additionalProperties": {"type": "integer"}}"#,
    #"{"type": "array", "prefixItems": [{"type": "string"}]}"#,
  ])
  func `is where they are not`(schema: String) throws {
    #expect(try Self.free(schema) != nil, "\(schema)")
  }

  private static let order = ##"""
    {"type": "object", "additionalProperties": false,
     "properties": {
       "id": {"type": "string", "format": "uuid"}, "note": {"type": ["string", "null"]},
       "parts": {"type": "array", "items": {"$ref": "#/$defs/part"}}},
     "$defs": {"part": {"type": "object", "additionalProperties": false, "properties": {
       "size": {"enum": ["s", "l"]}, "name": {"type": "string"},
       "parts": {"type": "array", "items": {"$ref": "#/$defs/part"}}}}}}
    """##

  @Test func `is found in an instance under its place, escapes resolved`() throws {
    #expect(
      try Self.texts(
        Self.order,
        #"""
        {"id": "0193501d-7b00-7a3c-9d2e-0000000000a1", "note": "\u0027 or 1=1",
         "parts": [{"size": "s", "name": "a", "parts": [{"name": "b"}]}]}
        """#) == ["note=' or 1=1", "parts.0.name=a", "parts.0.parts.0.name=b"])
    #expect(try Self.texts(Self.order, #"{"note": null, "parts": []}"#).isEmpty)
  }

  @Test func `is also a name that the schema does not name`() throws {
    #expect(
      try Self.texts(
        #"{"type": "object", "additionalProperties": {"type": "integer"}, "properties": {"a": {"type": "string"}}}"#,
        #"{"<b>": 1, "a": "x"}"#) == ["*=<b>", "a=x"])
  }
}
