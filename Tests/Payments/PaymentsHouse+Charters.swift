import Chassis
import Charters
import Crypto
import Foundation
import Ledger
import LedgerAPI
import NIOCore
import NIOPosix
import Payments
import PaymentsAPI
import Sealing
import Storage
import StrictJSON
import Synchronization
import Telemetry
import TestKit
import Transport
import Vocabulary

extension PaymentsHouse {
  static func charters() throws -> [String: String] {
    let checkout = #filePath.components(separatedBy: "/Tests/")[0]
    func text(_ path: String) throws -> String {
      try String(contentsOfFile: "\(checkout)/\(path)", encoding: .utf8)
    }
    let own = """
      createPayment, getPayment, listPayments, getActivity, listMyAccounts, getBalance, \
      listStatement, openAccount, changeAccount, getManagedAccount, listManagedAccounts
      """
    let deaf = "  - {service: authority, operations: [listRevocations]}\n"
    return [
      "data-classes.yaml": try text("Charters/data-classes.yaml"),
      // Without the feed, which the chassis has tests for.
      "ledger.yaml": try text("Sources/Services/Ledger/charter.yaml").replacing(deaf, with: ""),
      "payments.yaml": try text("Sources/Services/Payments/charter.yaml").replacing(
        ", listRevocations]", with: "]"),
      "operator.yaml": """
      apiVersion: strongroom/v1
      service: operator
      summary: Calls.
      calls:
        - service: ledger
          operations: [createAccounts, changeAccount, createTransfers, findTransfers, getTrialBalance, lookupAccounts,
            getTransfer, listTransfers, getAccount, listAccounts, voidHold]
      """,
      "gateway.yaml": neighbour(
        "gateway", 7100, "[]", calls: "{service: payments, operations: [\(own)]}"),
      "authority.yaml": neighbour(
        "authority", 7101,
        "[{id: getSealingKeyring, method: POST, path: /v1/sealing-keyring, callers: [payments], idempotency: natural}, "
          + "{id: reportSealingVersions, method: POST, path: /v1/sealing-keyring/uses, callers: [payments], idempotency: natural}]"
      ),
      "audit.yaml": neighbour(
        "audit", 7106,
        "[{id: appendRecords, method: POST, path: /v1/records, callers: [ledger, payments], idempotency: natural}]"
      ),
    ]
  }

  private static func neighbour(
    _ name: String, _ port: Int, _ operations: String, calls: String = ""
  ) -> String {
    """
    apiVersion: strongroom/v1
    service: \(name)
    summary: A neighbour.\(name == "gateway" ? "\nrole: door" : "")
    port: \(port)
    operations: \(operations)
    calls: [\(calls)]
    egress: []
    data: []
    secrets: []
    limits: {memory_mib: 64, open_files: 256, connections: 64}
    """
  }
}

extension WireResponse {
  func decoded<T: Decodable>(_ type: T.Type) throws -> T {
    try StrictJSON.decode(type, from: Array(body.readableBytesView))
  }
  var json: JSON? { try? JSON.parse(Array(body.readableBytesView)) }
  var slug: String? {
    json?["type"]?.string.map { String($0.dropFirst(Problem.typePrefix.count)) }
  }
}
