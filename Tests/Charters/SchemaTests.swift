import Charters
import Foundation
import StrictJSON
import Testing

/// `Schemas/charter.schema.json` is for editors and other tools, the loader is what decides: they
/// must say the same.
@Suite struct `The published schema` {
  static var checkout: URL {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
  }

  static func schema() throws -> JSON {
    let file = checkout.appending(path: "Schemas/charter.schema.json")
    return try JSON.parse([UInt8](Data(contentsOf: file)))
  }

  @Test(arguments: [
    ("", CharterFields.charter), ("operation", CharterFields.operation),
    ("program", CharterFields.program), ("deprecated", CharterFields.deprecation),
    ("rate", CharterFields.rate), ("call", CharterFields.call),
    ("data", CharterFields.data), ("destination", CharterFields.destination),
    ("store", CharterFields.store), ("setting", CharterFields.setting),
    ("limits", CharterFields.limits),
  ])
  func `names the fields that the loader knows`(definition: String, fields: FieldList) throws {
    let schema = try Self.schema()
    let object = try #require(definition.isEmpty ? schema : schema["$defs"]?[definition])
    #expect(Set(object["properties"]?.object?.keys.map { $0 } ?? []) == Set(fields.all))
    #expect(object["required"]?.array?.compactMap(\.string) == fields.required)
    #expect(object["additionalProperties"] == .bool(false))
  }

  @Test func `of grants names the fields that the loader knows`() throws {
    let file = Self.checkout.appending(path: "Schemas/grants.schema.json")
    let schema = try JSON.parse([UInt8](Data(contentsOf: file)))
    for (object, fields) in [
      (schema, CharterFields.grants),
      (try #require(schema["$defs"]?["grant"]), CharterFields.grant),
    ] {
      #expect(Set(object["properties"]?.object?.keys.map { $0 } ?? []) == Set(fields.all))
      #expect(object["required"]?.array?.compactMap(\.string) == fields.required)
    }
  }

  @Test func `gives the loader's words and numbers`() throws {
    let schema = try Self.schema()
    let operation = schema["$defs"]?["operation"]?["properties"]
    func words(_ field: JSON?) -> [String] { field?["enum"]?.array?.compactMap(\.string) ?? [] }
    #expect(
      words(operation?["idempotency"])
        == CharterOperation.Idempotency.allCases.map(\.rawValue))
    #expect(
      words(operation?["authentication"])
        == CharterOperation.Authentication.allCases.map(\.rawValue))
    #expect(words(operation?["when_full"]) == CharterOperation.WhenFull.allCases.map(\.rawValue))
    #expect(words(operation?["caching"]) == CharterOperation.Caching.allCases.map(\.rawValue))
    #expect(operation?["answers"]?["maxItems"]?.integer == Int64(Charter.answersMax))
    #expect(operation?["query"]?["maxItems"]?.integer == Int64(Charter.queryMax))
    let call = schema["$defs"]?["call"]?["properties"]
    #expect(words(call?["delivery"]) == CharterCall.Delivery.allCases.map(\.rawValue))
    let data = schema["$defs"]?["data"]?["properties"]
    #expect(words(data?["sensitivity"]) == CharterData.Sensitivity.allCases.map(\.rawValue))
    #expect(operation?["body_bytes_max"]?["maximum"]?.integer == Int64(Charter.bodyBytesMax))
    #expect(operation?["body_bytes_max"]?["default"]?.integer == Int64(Charter.bodyBytesDefault))
    #expect(operation?["timeout_ms"]?["maximum"]?.integer == Int64(Charter.timeoutMillisMax))
    #expect(operation?["timeout_ms"]?["default"]?.integer == Int64(Charter.timeoutMillisDefault))
    let store = schema["$defs"]?["store"]?["properties"]
    #expect(words(store?["server"]) == CharterStore.Server.allCases.map(\.rawValue))
    #expect(words(store?["writers"]) == CharterStore.Writers.allCases.map(\.rawValue))
    #expect(words(schema["properties"]?["role"]) == CharterRole.allCases.map(\.rawValue))
    let setting = schema["$defs"]?["setting"]?["properties"]
    #expect(words(setting?["unit"]) == CharterSetting.Unit.allCases.map(\.rawValue))
    let program = schema["$defs"]?["program"]?["properties"]
    #expect(program?["command"]?["maxItems"]?.integer == Int64(CharterProgram.wordsMax))
    #expect(
      program?["command"]?["items"]?["maxLength"]?.integer == Int64(CharterProgram.wordBytesMax))
    #expect(
      schema["properties"]?["operations"]?["maxItems"]?.integer == Int64(Charter.operationsMax))
    #expect(schema["properties"]?["summary"]?["maxLength"]?.integer == Int64(Charter.summaryMax))
  }
}
