import Chassis
import Charters
import Foundation
import Launcher
import Storage
import StrictJSON
import Testing
import Vocabulary

@Suite struct `The database of a service` {

  /// `platform.json` as builds wrote it that knew the ledger by its name.
  @Test func `is found in a home that an older build has made`() throws {
    let old = try StrictJSON.encode(Platform())
    var members = try #require(try JSON.parse(old).object)
    members["ledger_database"] = .object([
      "host": .string("db.bank"), "port": .string("5433"), "dbname": .string("books"),
      "user": .string("ledger"),
    ])
    members["ledger_database_addresses"] = .object(["db.bank": .array([.string("10.0.0.5")])])
    let platform = try Platform(bytes: JSON.object(members).canonicalBytes)
    let server = try #require(platform.storeServer(of: "ledger"))
    #expect(server.location.servers.map(\.host) == ["db.bank"])
    #expect(server.location.servers.map(\.port) == [5_433])
    #expect(server.addresses == ["db.bank": ["10.0.0.5"]])
    #expect(platform.storeServer(of: "payments") == nil)
    #expect(try Platform(bytes: StrictJSON.encode(platform)) == platform)
    members["ledgerdatabase"] = .string("x")
    #expect(throws: JSONError.self) { try Platform(bytes: JSON.object(members).canonicalBytes) }
  }
}
