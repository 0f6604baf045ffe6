import Charters
import Foundation
import Testing

/// A small platform that is right in every way; each test breaks one thing of it.
enum Samples {
  static let classes = CharterFile(
    name: "Charters/data-classes.yaml",
    text: """
      apiVersion: strongroom/v1
      classes:
        - {class: payment-intent, sensitivity: confidential, summary: intents}
        - {class: customer-profile, sensitivity: personal, summary: people}
      """)

  static let payments = """
    apiVersion: strongroom/v1
    service: payments
    summary: Moves money.
    port: 7105
    operations:
      - id: createPayment
        method: POST
        path: /v1/payments
        callers: [gateway]
        public: true
        scopes: [payments:create]
        purpose: payment.create
        context: {amount: /amount/minor_units}
        forwards: [ledger]
        idempotency: key
        body_bytes_max: 16384
        timeout_ms: 10000
        rate: {per_second: 50, burst: 100}
      - {id: getPayment, method: GET, path: "/v1/payments/{id}", callers: [gateway], public: true,
         scopes: [payments:read], purpose: payment.read}
    calls:
      - {service: ledger, operations: [createHold]}
    data: [{class: payment-intent, sensitivity: confidential}]
    limits: {memory_mib: 128, open_files: 1024, connections: 512}
    """

  static let ledger = """
    apiVersion: strongroom/v1
    service: ledger
    summary: Keeps the book.
    port: 7104
    operations:
      - {id: createHold, method: POST, path: /v1/holds, callers: [payments], purpose: payment.create}
      - {id: getAccount, method: GET, path: "/v1/accounts/{id}", callers: [operator]}
    limits: {memory_mib: 128, open_files: 1024, connections: 512}
    """

  static let gateway = """
    apiVersion: strongroom/v1
    service: gateway
    summary: The only door.
    port: 7100
    calls:
      - {service: payments, operations: [createPayment, getPayment]}
    limits: {memory_mib: 128, open_files: 1024, connections: 512}
    role: door
    """

  static let operatorText = """
    apiVersion: strongroom/v1
    service: operator
    summary: The person at the machine.
    calls:
      - {service: ledger, operations: [getAccount]}
    """

  static var texts: [String: String] {
    ["payments": payments, "ledger": ledger, "gateway": gateway, "operator": operatorText]
  }

  /// The platform's files, with one text replaced in one of them (each occurrence).
  static func files(
    _ service: String = "payments", _ old: String = "", _ new: String = ""
  ) throws -> [CharterFile] {
    try texts.sorted { $0.key < $1.key }.map { name, text in
      var text = text
      if name == service, !old.isEmpty {
        try #require(text.contains(old), "the sample has no '\(old)'")
        text = text.split(separator: old, omittingEmptySubsequences: false).joined(separator: new)
      }
      return CharterFile(name: "\(name).yaml", text: text)
    } + [classes]
  }

  /// The charters of the services in this checkout, each by itself.
  static func ours() throws -> [CharterFile] {
    let services = `The published schema`.checkout.appending(path: "Sources/Services")
    return try FileManager.default.contentsOfDirectory(
      at: services, includingPropertiesForKeys: nil
    ).map { folder in
      CharterFile(
        name: "\(folder.lastPathComponent)/charter.yaml",
        text: try String(contentsOf: folder.appending(path: "charter.yaml"), encoding: .utf8))
    }
  }

  static func faults(_ files: [CharterFile]) -> [CharterFault] {
    do throws(CharterFaults) {
      _ = try CharterSet.load(files)
      return []
    } catch {
      return error.faults
    }
  }
}
