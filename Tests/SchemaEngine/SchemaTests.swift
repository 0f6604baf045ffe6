import SchemaEngine
import StrictJSON
import Testing

/// What the public suite does not ask: words, limits, and numbers that money needs.
@Suite struct `A schema` {
  private func schema(_ text: String, formats: SchemaFormats = .refuse) throws -> Schema {
    try Schema(JSON.parse(text.utf8), formats: formats)
  }

  private func faults(_ schema: String, _ instance: String) throws -> [String] {
    try self.schema(schema).faults(JSONDocument.parse(instance.utf8)).map {
      "\($0.pointer): \($0.reason)"
    }
  }

  private static let payment = """
    {"type": "object", "additionalProperties": false, "required": ["amount", "debtor"],
     "properties": {
       "amount": {"type": "object", "required": ["minor_units", "currency"], "properties": {
         "minor_units": {"type": "integer", "minimum": 1, "maximum": 9007199254740991},
         "currency": {"enum": ["EUR", "USD"]}}},
       "debtor": {"type": "string", "format": "uuid"},
       "reference": {"type": ["string", "null"], "maxLength": 5}}}
    """

  @Test func `names every fault, where it lies and what is wanted`() throws {
    #expect(
      try faults(
        Self.payment,
        #"{"amount": {"minor_units": 0.5, "currency": "EU"}, "reference": "straße", "to": 1}"#) == [
          "/amount/minor_units: must be a whole number, and is a number",
          "/amount/minor_units: is below 1",
          "/amount/currency: is not one of the values EUR, USD that are allowed",
          "/reference: is longer than 5", "/to: is not known to the schema",
          ": 'debtor' is missing",
        ])
    #expect(
      try faults(
        Self.payment,
        #"{"amount": {"minor_units": 1, "currency": "EUR"}, "debtor": "0193501D-7b00-7a3c-9d2e-0000000000a1"}"#
      ).isEmpty)
  }

  @Test func `never quotes what somebody has sent`() throws {
    let faults = try schema(#"{"enum": [1], "pattern": "^a$", "not": {"type": "string"}}"#)
      .faults(JSONDocument.parse(#""Erika Mustermann""#.utf8))
    #expect(faults.count == 3)
    #expect(faults.allSatisfy { !$0.reason.contains("Erika") })
  }

  @Test func `says which alternative came nearest, and why it is none`() throws {
    let words = try faults(
      #"{"oneOf": [{"type": "string"}, {"properties": {"a": {"type": "integer"}}, "required": ["a"]}]}"#,
      #"{"a": "x"}"#)
    #expect(
      words == [
        ": is none of the 2 alternatives; the nearest says:",
        "/a: must be a whole number, and is a string",
      ])
  }

  @Test(arguments: [
    ("0.3", "0.1", true), ("0.35", "0.1", false), ("1e308", "0.5", true),
    ("19.99", "0.01", true), ("9007199254740993", "2", false), ("9007199254740993", "3", true),
    ("1.0", "1", true), ("0", "7", true), ("-12.5", "2.5", true), ("1e-7", "1e-8", true),
  ])
  func `counts in decimal`(value: String, step: String, isMultiple: Bool) throws {
    let schema = try schema("{\"multipleOf\": \(step)}")
    #expect(try schema.accepts(JSONDocument.parse(value.utf8)) == isMultiple)
  }

  @Test(arguments: [
    ("9007199254740993", false), ("9007199254740992", true), ("9007199254740992.0", true),
    ("9007199254740992.5", false), ("-9e15", true), ("9.007199254740993e15", false),
  ])
  func `compares beyond what a double holds`(value: String, isHeld: Bool) throws {
    let schema = try schema(#"{"maximum": 9007199254740992}"#)
    #expect(try schema.accepts(JSONDocument.parse(value.utf8)) == isHeld)
  }

  @Test(arguments: [
    (#"{"type": "strange"}"#, "#/type"), (#"{"minimum": "1"}"#, "#/minimum"),
    (#"{"required": "a"}"#, "#/required"), (#"{"properties": {"a": 1}}"#, "#/properties/a"),
    (#"{"pattern": "(a"}"#, "schema:#/pattern"), (##"{"$ref": "#/nowhere"}"##, "schema:#/$ref"),
    (#"{"$ref": "https://example.com/x"}"#, "schema:#/$ref"),
    (#"{"pattern": "a(?=b)"}"#, "schema:#/pattern"), (#"{"multipleOf": 0}"#, "#/multipleOf"),
  ])
  func `is refused where it is none, and says where`(text: String, place: String) throws {
    let error = try #require(throws: SchemaError.self) { try schema(text) }
    #expect(error.place == place, "\(error)")
    #expect(!error.reason.isEmpty)
  }

  @Test func `that asks for itself without an end refuses, and returns`() throws {
    #expect(try !schema(##"{"$ref": "#"}"##).accepts(JSONDocument.parse("1".utf8)))
    let twice =
      ##"{"$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"}"##
    #expect(try !schema(twice).accepts(JSONDocument.parse("1".utf8)))
    #expect(try schema(twice).faults(JSONDocument.parse("1".utf8)).count <= Schema.faultsMax)
  }

  @Test func `tells no more faults than anybody reads`() throws {
    let instance = "[" + Array(repeating: "1", count: 1_000).joined(separator: ",") + "]"
    let faults = try schema(#"{"items": {"type": "string"}}"#)
      .faults(JSONDocument.parse(instance.utf8))
    #expect(faults.count == Schema.faultsMax)
  }
}
