import Charters
import Chassis
import Foundation
import Launcher
import Sandbox
import Storage
import Testing
import Vocabulary

@Suite struct `A service's confinement` {
  func confinement(
    of service: ServiceName, _ change: (inout Platform) -> Void = { _ in }
  ) throws -> (Confinement, Cell) {
    let cell = try Cell()
    var platform = cell.platform
    platform.portOffset = 0
    change(&platform)
    let all = ServiceConfinement(
      stage: try ExecutableFile("/proc/self/exe"), machine: Cell.machine, home: cell.home,
      platform: platform, charters: cell.charters, libraries: ["/opt/libraries"])
    let charter = try #require(cell.charters[service])
    return (all.confinement(of: charter, running: "/opt/strongroom-\(service)"), cell)
  }

  @Test func `follows from the charter's calls`() throws {
    let (payments, cell) = try confinement(of: "payments")
    #expect(payments.bindPorts == [7105])
    #expect(payments.connectPorts == [7101, 7104, 7106])
    #expect(payments.limits.openFiles == cell.charters["payments"]?.limits.openFiles)
    #expect(!payments.resolvesNames)
    let kept = payments.places.filter { $0.use == .keep || $0.use == .serve }
    #expect(kept.map(\.path) == [cell.home.dataFolder(of: "payments")])
    #expect(payments.places.contains(Confinement.Place("/opt/libraries", .read)))
  }

  @Test func `gives the door its public port, and everybody the collector's`() throws {
    let (gateway, _) = try confinement(of: "gateway") {
      $0.gatewayPort = 443
      $0.otlpEndpoint = "http://127.0.0.1:4318"
      $0.edgeKeyFile = "/etc/edge/key.pem"
    }
    #expect(gateway.bindPorts == [7100, 443])
    #expect(gateway.connectPorts == [4318, 7101, 7102, 7103, 7105, 7106, 7108])
    #expect(gateway.places.contains(Confinement.Place("/etc/edge/key.pem", .read)))
  }

  @Test func `lets the ledger alone connect to its database, and nobody look up names`() throws {
    for (host, port) in [("db.bank", 5_433), ("/run/postgresql", 5_432)] {
      for service in ["ledger", "payments", "gateway"] as [ServiceName] {
        let (plain, _) = try confinement(of: service)
        let (one, _) = try confinement(of: service) {
          let location = try? PostgresLocation([
            "host": host, "port": "\(port)", "dbname": "books", "user": "ledger",
          ])
          $0.place(
            location.map { StoreServer($0, addresses: ["db.bank": ["10.0.0.5"]]) }, for: "ledger")
        }
        let more = Set(one.connectPorts).subtracting(plain.connectPorts)
        #expect(more == (service == "ledger" && host == "db.bank" ? [port] : []), "\(service)")
        #expect(!one.resolvesNames)
      }
    }
  }

  @Test(arguments: [
    ("", [] as [Int], false), ("{host: a.example, port: 443, protocol: https, reason: x}", [53, 443], true),
    (
      "{host: a.example, port: 8443, protocol: https, addresses: [10.0.0.5], reason: x}", [8_443],
      false
    ),
  ])
  func `leads outside from the one way out alone, as far as charters say`(
    destination: String, ports: [Int], resolves: Bool
  ) throws {
    let cell = try Cell()
    let checkout = #filePath.components(separatedBy: "/Tests/")[0]
    let charters = try CharterSet.load(
      CharterFolder.read(checkout).map {
        CharterFile(
          name: $0.name,
          text: $0.text.contains("service: gateway\n")
            ? $0.text.replacing("egress: []", with: "egress: [\(destination)]") : $0.text)
      })
    var platform = cell.platform
    platform.portOffset = 0
    platform.outsideAuthorityFile = "/etc/bank/ca.pem"
    let all = ServiceConfinement(
      stage: try ExecutableFile("/proc/self/exe"), machine: Cell.machine, home: cell.home,
      platform: platform, charters: charters, libraries: [])
    for charter in charters.charters where charter.port != nil {
      let one = all.confinement(of: charter, running: "/opt/strongroom-service")
      let isWayOut = charter.role == .outside
      let outside = one.connectPorts.filter { !(7_100...7_119).contains($0) }
      #expect(outside == (isWayOut ? ports : []), "\(charter.service)")
      #expect(one.resolvesNames == (isWayOut && resolves))
      let reads = one.places.contains { $0.path == "/etc/bank/ca.pem" }
      #expect(reads == isWayOut)
      #expect(one.places.contains { $0.path == "/etc/ssl" } == (isWayOut && !ports.isEmpty))
    }
  }

  @Test func `gives the root key to the authority alone`() throws {
    for service in ["authority", "ledger", "gateway", "audit"] as [ServiceName] {
      let (one, cell) = try confinement(of: service)
      let seesKeys = one.places.contains { cell.home.rootKeyFile.hasPrefix($0.path + "/") }
      #expect(seesKeys == (service == "authority"), "\(service)")
    }
  }
}
