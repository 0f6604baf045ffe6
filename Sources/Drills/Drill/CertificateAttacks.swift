import Charters
import Chassis
import NIOSSL
import Transport
import Vocabulary

/// Z1, Z2 with the issuing key stolen: each attack differs from a good certificate in one thing, so that each check at
/// the hop is tried alone.
enum CertificateAttacks {
  static let all: [Attack] = [
    malformed("no-uri", "a certificate of the right authority that names nobody") { _ in
      Insider.Draft(uris: [])
    },
    malformed("two-uris", "a certificate that names two services") { insider in
      Insider.Draft(uris: [insider.uri("operator"), insider.uri("gateway")])
    },
    malformed("domain-only", "a certificate that names the trust domain alone") { insider in
      Insider.Draft(uris: [String(insider.uri("x").dropLast(2))])
    },
    malformed("expired", "a certificate that ended a minute ago") { insider in
      Insider.Draft(uris: [insider.uri("operator")], begins: -600, ends: -60)
    },
    malformed("not-yet-valid", "a certificate that begins in five minutes") { insider in
      Insider.Draft(uris: [insider.uri("operator")], begins: 300)
    },
    malformed("signing-certificate", "a certificate that may sign others, as a workload's") {
      Insider.Draft(uris: [$0.uri("operator")], isAuthority: true)
    },
    malformed("below-a-leaf", "a certificate that the gateway has signed with its own") {
      Insider.Draft(uris: [$0.uri("operator")], isBelowLeaf: true)
    },
    olderThanItsCertificate, everyOtherCaller,
  ]

  private static let request = Array("GET /readyz HTTP/1.1\r\nhost: service\r\n\r\n".utf8)

  /// Every service refuses the draft, and answers the same certificate without its fault.
  private static func malformed(
    _ name: String, _ steps: String, draft: @escaping @Sendable (Insider) -> Insider.Draft
  ) -> Attack {
    Attack(
      name, steps: "\(steps), made with the stolen issuing key",
      expectation: "the handshake fails everywhere; without the fault each service answers"
    ) { range in
      let insider = try await range.insider()
      var sweep = PortSweep()
      for (service, port) in range.ports {
        let sound = try insider.malformed(Insider.Draft(uris: [insider.uri("operator")]))
        let control = await caller(range, port, sound).send([request])
        guard control.status == 200 else {
          return .notTried("\(service) answers a sound certificate with \(control.text)")
        }
        let outcome = await caller(range, port, try insider.malformed(draft(insider)))
          .send([request])
        sweep.note(outcome, from: service)
      }
      return sweep.sighting(in: range)
    }
  }

  private static func caller(_ range: DrillRange, _ port: Int, _ tls: TLSConfiguration) -> RawCaller
  {
    RawCaller(host: range.platform.bind, port: port, tls: tls)
  }

  /// Backdating takes ten seconds of it: this one lives for three.
  private static let shortLife: Duration = .seconds(13)

  private static let olderThanItsCertificate = Attack(
    "older-than-its-certificate",
    steps:
      "open a connection with a certificate that ends in three seconds, and ask again after four",
    expectation: "the first request is answered, the second is not"
  ) { range in
    let insider = try await range.insider()
    var seen: [String] = []
    for (service, port) in range.ports.prefix(2) {
      let tls = try insider.tls(as: "operator", lifetime: shortLife)
      let outcome = await caller(range, port, tls).send(
        [request, request], pause: .seconds(4), first: .zero, within: .seconds(8), answers: 2)
      guard outcome.status == 200 else {
        return .notTried("\(service) does not answer in time: \(outcome.text)")
      }
      if outcome.answers > 1 { return .breach("\(service) answered after the end") }
      seen.append("\(service)")
    }
    return .held("\(seen.joined(separator: ", ")): one answer, then closed")
  }

  private static let everyOtherCaller = Attack(
    "every-other-caller",
    steps:
      "as every service, with a certificate of the right authority, call what names other callers",
    expectation: "each is refused with 403 edge-not-declared, and recorded"
  ) { range in
    let insider = try await range.insider()
    var calls = UndeclaredCalls(range)
    for caller in range.charters.charters.map(\.service) {
      let client = try insider.client(as: caller)
      for charter in range.charters.charters where charter.service != caller && charter.port != nil
      {
        for operation in charter.operations where !operation.callers.contains(caller) {
          try await calls.call(operation, of: charter.service, named: "\(caller) → ") {
            try await insider.ask(
              charter.service, as: client, $0.rawValue, $1, headers: $2, body: $3)
          }
        }
      }
    }
    return calls.sighting
  }
}
