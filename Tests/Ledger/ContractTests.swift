import Foundation
import Ledger
import LedgerAPI
import LedgerBook
import StrictJSON
import TestKit
import Testing
import Vocabulary
import Yams

@Suite struct `The ledger's contract` {
  static func document() throws -> [String: Any] { try yaml("openapi.yaml") }

  static func yaml(_ name: String) throws -> [String: Any] {
    let checkout = #filePath.components(separatedBy: "/Tests/")[0]
    let text = try String(
      contentsOfFile: "\(checkout)/Sources/Services/Ledger/\(name)", encoding: .utf8)
    return try #require(try Yams.load(yaml: text) as? [String: Any])
  }

  static func schema(_ name: String) throws -> [String: Any] {
    let components = try #require(try document()["components"] as? [String: Any])
    let schemas = try #require(components["schemas"] as? [String: Any])
    return try #require(schemas[name] as? [String: Any])
  }

  @Test func `lists every result by precedence, as the book has them`() throws {
    #expect(
      try Self.schema("TransferResult")["enum"] as? [String]
        == ["created", "exists"] + TransferRefusal.allCases.map(\.rawValue))
    #expect(
      try Self.schema("AccountResult")["enum"] as? [String]
        == ["created", "exists"] + AccountRefusal.allCases.map(\.rawValue))
  }

  @Test func `says by the kind of a refusal what became of the hold it concerns`() {
    func names(_ kind: ProblemKind) -> [String] {
      TransferRefusal.allCases.filter { $0.problem.kind == kind }.map(\.rawValue)
    }
    #expect(
      names(.differs)
        == TransferRefusal.allCases.map(\.rawValue).filter { $0.hasPrefix("exists_with_different") }
    )
    #expect(names(.over) == ["pending_transfer_already_voided", "pending_transfer_expired"])
    #expect(
      names(.barred) == [
        "debit_account_already_closed", "credit_account_already_closed", "debit_account_frozen",
        "credit_account_frozen",
      ])
    #expect(names(.unavailable) == ["too_many_open_holds"])
    // The ledger has looked at the transfer: nobody may think that a hold of before could stand under its id.
    for kind in [ProblemKind.permission, .policy, .busy, .unknown, .defect] {
      #expect(names(kind).isEmpty, "\(kind)")
    }
  }

  @Test func `lists every flag and limit, as the code has them`() throws {
    let account = try Self.schema("AccountFlags")["items"] as? [String: Any]
    #expect(account?["enum"] as? [String] == AccountFlag.allCases.map(\.rawValue))
    let transfer = try Self.schema("TransferFlags")["items"] as? [String: Any]
    #expect(transfer?["enum"] as? [String] == TransferFlag.allCases.map(\.rawValue))
    #expect(LedgerLimits.batchMax == Book.batchMax)
    #expect(LedgerLimits.amountMax == Book.amountMax)
    #expect(LedgerLimits.timeoutSecondsMax == Book.timeoutSecondsMax)
    #expect(try Self.schema("Amount")["maximum"] as? Int == Int(LedgerLimits.amountMax))
    #expect(try Self.schema("Timeout")["maximum"] as? Int == Int(LedgerLimits.timeoutSecondsMax))
  }

  @Test func `is one: document, constants and charter name the same operations`() throws {
    let documents = try ContractDocuments(of: "Ledger")
    #expect(documents.queryDifferences == [])
    #expect(documents.openAPI == documents.charter)
    #expect(documents.openAPI == Set(Self.operations.map(\.line)))
  }

  @Test func `has examples that the code reads and writes back unchanged`() throws {
    let paths = try #require(try Self.document()["paths"] as? [String: [String: Any]])
    var read = 0
    for case let operation as [String: Any] in paths.values.flatMap(\.values) {
      let id = operation["operationId"] as? String
      let known = try #require(Self.operations.first { $0.id == id })
      if let body = operation["requestBody"] as? [String: Any] {
        for example in Self.examples(body) {
          #expect(try known.input(example) == example, "\(known.id)")
          read += 1
        }
      }
      let responses = operation["responses"] as? [String: [String: Any]] ?? [:]
      for (status, response) in responses where status.hasPrefix("2") {
        for example in Self.examples(response) {
          #expect(try known.output(example) == example, "\(known.id)")
          read += 1
        }
      }
    }
    #expect(read == 31)
  }

  private struct Known {
    let id: String
    let line: String
    let input: (JSON) throws -> JSON
    let output: (JSON) throws -> JSON

    init<Input: Codable, Output: Codable>(_ operation: Vocabulary.Operation<Input, Output>) {
      id = operation.id
      line = "\(operation.id) \(operation.method.rawValue) \(operation.path)"
      input = { try JSON.parse(StrictJSON.encode(StrictJSON.decode(Input.self, from: $0))) }
      output = { try JSON.parse(StrictJSON.encode(StrictJSON.decode(Output.self, from: $0))) }
    }
  }

  private static var operations: [Known] {
    [
      Known(LedgerOperations.createAccounts), Known(LedgerOperations.createTransfers),
      Known(LedgerOperations.lookupAccounts), Known(LedgerOperations.getAccount),
      Known(LedgerOperations.listAccounts), Known(LedgerOperations.getTransfer),
      Known(LedgerOperations.listTransfers), Known(LedgerOperations.findTransfers),
      Known(LedgerOperations.listOwnAccounts), Known(LedgerOperations.getOwnAccount),
      Known(LedgerOperations.listOwnTransfers), Known(LedgerOperations.getHold),
      Known(LedgerOperations.createHold),
      Known(LedgerOperations.postHold), Known(LedgerOperations.voidHold),
      Known(LedgerOperations.getTrialBalance), Known(LedgerOperations.changeAccount),
      Known(LedgerOperations.openManagedAccount), Known(LedgerOperations.changeManagedAccount),
      Known(LedgerOperations.getManagedAccount), Known(LedgerOperations.listManagedAccounts),
    ]
  }

  private static func examples(_ holder: [String: Any]) -> [JSON] {
    let content = holder["content"] as? [String: Any]
    let type = content?["application/json"] as? [String: Any]
    let examples = type?["examples"] as? [String: [String: Any]] ?? [:]
    return examples.values.compactMap { $0["value"] }.map(json)
  }

  private static func json(_ value: Any) -> JSON {
    switch value {
    case let flag as Bool: .bool(flag)
    case let number as Int: .integer(Int64(number))
    case let text as String: .string(text)
    case let list as [Any]: .array(list.map(json))
    case let members as [String: Any]: .object(members.mapValues(json))
    default: .null
    }
  }
}
