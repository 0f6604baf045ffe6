import Charters
import OutsideReach
import StrictJSON
import Testing
import Vocabulary

@Suite struct `A destination outside` {
  private static let wayOut = CharterFile(
    name: "exit.yaml",
    text: """
      apiVersion: strongroom/v1
      service: exit
      summary: The way out.
      port: 7111
      role: outside
      operations:
        - {id: ask, method: POST, path: /v1/asks, callers: [every-service]}
      limits: {memory_mib: 128, open_files: 1024, connections: 512}
      """)

  private static func files(_ destination: String, calls: Bool = true) throws -> [CharterFile] {
    let call = "- {service: exit, operations: [ask]}\n"
    return try Samples.files(
      "payments", "data: [{class",
      (calls ? call : "")
        + "egress: [\(destination)]\ndata: [{class"
    ).map { file in
      // The call stands in the list above.
      let text = file.text.replacing(
        "- {service: ledger, operations: [createHold]}\n- {service: exit",
        with: "- {service: ledger, operations: [createHold]}\n  - {service: exit")
      return CharterFile(name: file.name, text: text)
    } + [wayOut]
  }

  @Test func `has host, port, protocol and a reason, and perhaps addresses`() throws {
    let set = try CharterSet.load(
      Self.files(
        """
        {host: idp.example, port: 443, protocol: https, reason: sign-in of staff},
          {host: idp.bank.example, port: 8443, protocol: https, addresses: [10.0.0.5, "fd00::5"],
           reason: ours}, {host: 8.8.8.8, port: 443, protocol: https, reason: known}
        """))
    let charter = try #require(set["payments"])
    #expect(
      charter.egress.map(\.text) == ["idp.example:443", "idp.bank.example:8443", "8.8.8.8:443"])
    #expect(charter.egress.map(\.isLookedUp) == [true, false, false])
    #expect(charter.egress.map(\.namedPrivately.count) == [0, 2, 0])
    #expect(charter.egress.map(\.fixedAddresses.count) == [0, 2, 1])
    #expect(
      try charter.destination(OutsideURL("https://idp.example/x"))?.reason == "sign-in of staff")
    for other in [
      "https://idp.example:444/", "https://x.idp.example/", "https://idp.bank.example/",
      "https://10.0.0.5:8443/", "https://8.8.4.4/", "https://example/",
    ] {
      #expect(try charter.destination(OutsideURL(other)) == nil, "\(other)")
    }
    #expect(set.holder(of: .outside) == "exit")
    let written = try Charter.parse(
      file: "again", text: String(decoding: charter.document.canonicalBytes, as: UTF8.self))
    #expect(written.egress == charter.egress)
  }

  @Test(arguments: [
    ("{port: 443, protocol: https, reason: x}", "'host' is missing"),
    ("{host: a.example, port: 443, protocol: https}", "'reason' is missing"),
    ("{host: a.example, port: 443, protocol: http, reason: x}", "not one of https"),
    ("{host: a.example, port: 0, protocol: https, reason: x}", "it must be from 1"),
    ("{host: A.example, port: 443, protocol: https, reason: x}", "not a host name"),
    ("{host: '*.example', port: 443, protocol: https, reason: x}", "not a host name"),
    ("{host: 'a.example:443', port: 443, protocol: https, reason: x}", "not a host name"),
    ("{host: 127.1, port: 443, protocol: https, reason: x}", "text, not"),
    ("{host: '0x7f.1', port: 443, protocol: https, reason: x}", "not a host name"),
    ("{host: intranet, port: 443, protocol: https, reason: x}", "a name within a network"),
    ("{host: 10.0.0.5, port: 443, protocol: https, reason: x}", "is not public (private use)"),
    ("{host: a.example, port: 443, protocol: https, addresses: [], reason: x}", "one or more"),
    (
      "{host: a.example, port: 443, protocol: https, addresses: [010.0.0.5], reason: x}",
      "not an IP address"
    ),
    (
      "{host: a.example, port: 443, protocol: https, addresses: [169.254.169.254], reason: x}",
      "nobody's server (metadata"
    ),
    (
      "{host: a.example, port: 443, protocol: https, addresses: ['::ffff:a00:5'], reason: x}",
      "nobody's server (IPv4-mapped"
    ),
    (
      "{host: a.example, port: 443, protocol: https, addresses: [0.0.0.0], reason: x}",
      "nobody's server (this network"
    ),
    (
      "{host: 10.0.0.5, port: 443, protocol: https, addresses: [10.0.0.6], reason: x}",
      "another is named"
    ),
    ("{host: a.example, port: 443, protocol: https, reason: x, redirects: true}", "unknown field"),
    ("a.example:443", "must be fields"),
  ])
  func `that is wrong is named`(destination: String, says: String) throws {
    let faults = Samples.faults(try Self.files(destination))
    #expect(faults.contains { "\($0)".contains(says) }, "\(faults)")
  }

  @Test func `stands once, and is asked for where one may`() throws {
    let good = "{host: a.example, port: 443, protocol: https, reason: x}"
    #expect(Samples.faults(try Self.files(good)).isEmpty)
    #expect("\(Samples.faults(try Self.files("\(good), \(good)")))".contains("stands twice"))
    #expect(
      "\(Samples.faults(try Self.files(good, calls: false)))".contains("does not call 'exit'"))
    let alone = try Self.files(good, calls: false).filter { $0.name != Self.wayOut.name }
    #expect("\(Samples.faults(alone))".contains("no charter has the role 'outside'"))
  }
}
