import Charters
import Chassis
import Demo
import EgressAPI
import Foundation
import Launcher
import OutsideReach
import Probes
import StrictJSON
import Transport
import Vocabulary

/// Z4: the one way out. An attacker who has taken a service over asks it to fetch from inside, and tries to get out around it.
package enum EgressDrill {
  package static let drill = Drill(
    name: "egress",
    promise:
      "Z4: nothing goes out that the charter does not name, and nobody is sent inside from the way out.",
    attacks: [inside, spellings, fields, without, around, within])

  private static let inside = Attack(
    "inside-addresses",
    steps:
      "as a service that may ask the way out: have it fetch from every service, from loopback by other names, and from metadata services",
    expectation: "each is refused unasked, by name, and recorded"
  ) { range in
    let ports = range.ports.map(\.port) + [range.platform.gatewayPort]
    let hosts = ["127.0.0.1", "localhost", "[::1]", "127.0.0.2"]
    let services = ports.flatMap { port in hosts.map { "https://\($0):\(port)/" } }
    let metadata = [
      "https://169.254.169.254/latest/meta-data/", "https://metadata.google.internal/",
      "https://[fd00:ec2::254]/latest/", "https://168.63.129.16/", "https://100.100.100.200/",
    ]
    return try await refused(range, services + metadata, as: [EgressProblem.notNamed])
  }

  private static let spellings = Attack(
    "odd-spellings",
    steps: "spell loopback and the metadata services in every way that some reader understands",
    expectation: "each is refused unasked, by name, and recorded"
  ) { range in
    let port = range.ports.first?.port ?? 443
    let hosts = [
      "2130706433", "0x7f000001", "017700000001", "127.1", "127.0.1", "0177.0.0.1", "0x7f.0.0.1",
      "127.0.0.1.", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]",
      "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[0:0:0:0:0:0:0:1]", "[::1%25lo]", "0", "0.0.0.0",
      "[::]", "LOCALHOST", "localhost.", "①②⑦.0.0.1", "127。0。0。1", "127%2e0%2e0%2e1",
      "a@127.0.0.1", "nobody.example#@127.0.0.1", "nobody.example\\@127.0.0.1", "127.0.0.1\t",
      "2852039166", "0xa9fea9fe", "[::ffff:a9fe:a9fe]",
    ]
    let others = [
      "http://127.0.0.1:\(port)/", "file:///etc/passwd", "gopher://127.0.0.1:\(port)/_x",
      "//127.0.0.1:\(port)/", "https://", "", "https://127.0.0.1:\(port + 65_536)/",
    ]
    return try await refused(
      range, hosts.map { "https://\($0):\(port)/" } + others,
      as: [EgressProblem.badURL, EgressProblem.notNamed])
  }

  private static let fields = Attack(
    "smuggled-fields",
    steps: "send fields of the connection, and values that end a field and begin a request",
    expectation: "each is refused before anything is dialled"
  ) { range in
    let insider = try await Asking(range)
    let pairs = [
      ("host", "127.0.0.1"), ("transfer-encoding", "chunked"), ("content-length", "5"),
      ("connection", "keep-alive"), ("accept", "a\r\nhost: 127.0.0.1"),
      ("accept", "a\r\n\r\nGET / HTTP/1.1"), ("proxy-authorization", "x"), ("cookie", "a=b"),
    ]
    var correlation: CorrelationID?
    for (name, value) in pairs {
      let url = insider.named ?? "https://nobody.example/"
      let (answer, id) = try await insider.ask(
        FetchRequest(.get, url, fields: [HTTPField(name, value)]))
      // Where no destination is named, that is found first.
      guard answer.status == 400 || (insider.named == nil && answer.slug == EgressProblem.notNamed)
      else { return .breach("\(name): \(answer.text)") }
      correlation = id
    }
    return .held("\(pairs.count) of \(pairs.count) refused", recordedAs: correlation)
  }

  private static let without = Attack(
    "without-a-charter",
    steps: "as each service whose charter has no call to the way out: ask it all the same",
    expectation: "403, and recorded"
  ) { range in
    guard let door = range.charters.holder(of: .outside) else { return .notTried("no way out") }
    let others = range.ports.map(\.service).filter {
      $0 != door
        && !range.charters.mayCall(caller: $0, service: door, operation: EgressOperations.fetch.id)
    }
    var correlation: CorrelationID?
    for service in others {
      let asking = try await Asking(range, as: service)
      let (answer, id) = try await asking.ask(FetchRequest(.get, "https://nobody.example/"))
      guard answer.status == 403, answer.slug != EgressProblem.notNamed else {
        return .breach("\(service): \(answer.text)")
      }
      correlation = id
    }
    return .held("\(others.count) of \(others.count) refused with 403", recordedAs: correlation)
  }

  private static let around = Attack(
    "around-the-way-out",
    steps:
      "from inside each other service: connect to all destinations that charters name, to resolvers, to public addresses and to metadata services",
    expectation: "all refused by the kernel"
  ) { range in
    let named = range.charters.charters.flatMap(\.egress).flatMap { destination in
      destination.fixedAddresses.map { address in
        "connect-address=\(address.isV6 ? "[\(address)]" : "\(address)"):\(destination.port)"
      }
    }
    let attempts =
      named
      + ["1.1.1.1:443", "1.1.1.1:53", "169.254.169.254:80", "169.254.169.254:443"].map {
        "connect-address=\($0)"
      }
    let services = range.ports.map(\.service).filter { range.charters[$0]?.role != .outside }
    return try await kernelRefuses(range, attempts, as: services)
  }

  /// The way out itself, taken over: it has the system calls, and still not every address.
  private static let within = Attack(
    "within-the-way-out",
    steps:
      "from inside the way out: connect to the services that it does not call, and to metadata services",
    expectation: "all refused by the kernel"
  ) { range in
    guard let door = range.charters.holder(of: .outside), let charter = range.charters[door] else {
      return .notTried("no way out")
    }
    let callees = charter.calls.map(\.service)
    let named = Set(range.charters.charters.flatMap(\.egress).map(\.port))
    let foreign = range.ports.filter {
      $0.service != door && !callees.contains($0.service) && !named.contains($0.port)
    }
    let attempts =
      foreign.map { "connect-address=127.0.0.1:\($0.port)" }
      + ["169.254.169.254:80", "100.100.100.200:80"].map { "connect-address=\($0)" }
    return try await kernelRefuses(range, attempts, as: [door])
  }

  // MARK: what is asked

  private static func kernelRefuses(
    _ range: DrillRange, _ attempts: [String], as services: [ServiceName]
  ) async throws -> Sighting {
    let cells = try Cells(range)
    // Landlock refuses the port; a rule refuses the address by a reset.
    let refusals: Set<Int32> = [EACCES, EPERM, ECONNREFUSED]
    var (tried, open) = (0, [String]())
    for service in services {
      let outcomes = try await cells.run(attempts, as: service)
      tried += outcomes.count
      open += outcomes.filter { !refusals.contains($0.errno) }
        .map { "\(service) \($0.target): \($0.errno == 0 ? "done" : $0.error)" }
    }
    guard tried > 0 else { return .notTried("no probe came to its end") }
    return .when(
      open.isEmpty,
      open.isEmpty ? "\(tried) of \(tried) refused" : open.prefix(8).joined(separator: "; "))
  }

  private static func refused(
    _ range: DrillRange, _ urls: [String], as slugs: Set<String>
  ) async throws -> Sighting {
    let asking = try await Asking(range)
    var correlation: CorrelationID?
    var through: [String] = []
    for url in urls {
      let (answer, id) = try await asking.ask(FetchRequest(.get, url))
      if !slugs.contains(answer.slug ?? "") { through.append("\(url): \(answer.text)") }
      correlation = id
    }
    guard through.isEmpty else { return .breach(through.prefix(5).joined(separator: "; ")) }
    return .held("\(urls.count) of \(urls.count) refused by name", recordedAs: correlation)
  }

  /// A service that was taken over, at the way out.
  private struct Asking {
    private let range: DrillRange
    private let insider: Insider
    private let client: TransportClient
    private let door: ServiceName
    /// Something that the service may ask for.
    let named: String?

    /// - Parameter service: nil: the first that may ask.
    init(_ range: DrillRange, as service: ServiceName? = nil) async throws {
      let operation = EgressOperations.fetch
      let able = range.charters.charters.map(\.service).first {
        range.charters.mayCall(caller: $0, service: operation.service, operation: operation.id)
      }
      guard let door = range.charters.holder(of: .outside), let caller = service ?? able else {
        throw DemoFailure("no service may ask the way out")
      }
      self.range = range
      self.door = door
      insider = try await range.insider()
      client = try insider.client(as: caller)
      named = range.charters[caller]?.egress.first.map { "https://\($0.text)/" }
    }

    func ask(
      _ request: FetchRequest
    ) async throws -> (answer: DrillRange.Answer, correlation: CorrelationID) {
      let correlation = range.newCorrelation()
      for _ in 0..<60 {
        let answer = try await insider.ask(
          door, as: client, EgressOperations.fetch.method.rawValue, EgressOperations.fetch.path,
          headers: [
            Header.correlation: "\(correlation)", "content-type": "application/json",
          ], body: StrictJSON.encode(request))
        guard answer.status == 429 else { return (answer, correlation) }
        try await Task.sleep(for: .milliseconds(250))
      }
      throw DemoFailure("throttled for 15 s")
    }
  }
}
