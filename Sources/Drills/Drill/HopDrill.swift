import Charters
import Chassis
import Crypto
import Demo
import Launcher
import NIOSSL
import Transport
import Vocabulary
import WorkloadIdentity

/// Z1, Z2: whoever is not who it says, or may not do what it asks, gets nothing from any service.
package enum HopDrill {
  package static let drill = Drill(
    name: "hops",
    promise:
      "Z1 Z2: every hop is mutual TLS 1.3 between workloads of this platform, and only declared calls are answered.",
    attacks: [
      everywhere(
        "plain-http", "ask every service's port over plain HTTP", "no HTTP answer from any"
      ) { _, _ in nil },
      everywhere(
        "no-certificate", "TLS 1.3 without a client certificate", "the handshake fails everywhere"
      ) { _, _ in try RawCaller.tls() },
      everywhere(
        "tls-1.2", "TLS 1.2 with a certificate of the right authority",
        "the handshake fails everywhere"
      ) { range, _ in try await range.insider().tls(as: "operator", versions: 12...12) },
      everywhere(
        "foreign-ca", "a certificate for the service's own SPIFFE ID from another authority",
        "the handshake fails everywhere"
      ) { range, service in try foreign(range, as: service) },
      everywhere(
        "foreign-ca-expired", "the same, and expired an hour ago", "the handshake fails everywhere"
      ) { range, service in try foreign(range, as: service, age: .seconds(7_200)) },
      everywhere(
        "foreign-trust-domain", "a certificate of a trust domain of our own",
        "the handshake fails everywhere"
      ) { range, service in try foreign(range, as: service, trustDomain: "evil.example") },
      undeclared,
      unknownPath,
      EdgeNameAttack.attack,
    ] + CertificateAttacks.all)

  /// One request to every service's port, in whatever dress; any HTTP answer is a breach.
  private static func everywhere(
    _ name: String, _ steps: String, _ expectation: String,
    dress: @escaping @Sendable (DrillRange, ServiceName) async throws -> TLSConfiguration?
  ) -> Attack {
    Attack(name, steps: steps, expectation: expectation) { range in
      var sweep = PortSweep()
      let request = Array("GET /readyz HTTP/1.1\r\nhost: service\r\nconnection: close\r\n\r\n".utf8)
      for (service, port) in range.ports {
        guard try await range.line.isReady(service) else {
          return .notTried("\(service) answers nobody, not even the operator")
        }
        let caller = RawCaller(
          host: range.platform.bind, port: port, tls: try await dress(range, service))
        sweep.note(await caller.send([request]), from: service)
      }
      return sweep.sighting(in: range)
    }
  }

  /// A certificate as good as ours in everything but who signed it.
  private static func foreign(
    _ range: DrillRange, as service: ServiceName, age: Duration = .zero, trustDomain: String? = nil
  ) throws -> TLSConfiguration {
    let domain = trustDomain ?? range.platform.trustDomain
    let then = range.clock.now() - age - .seconds(60)
    let root = try CertificateAuthority.root(
      trustDomain: domain, lifetime: .seconds(86_400), at: then, randomness: range.randomness)
    guard let id = SpiffeID(trustDomain: domain, service: service) else {
      throw IssuingRefusal.foreignTrustDomain
    }
    let svid = try root.svid(
      for: id, lifetime: .seconds(3_600), at: then, randomness: range.randomness)
    return try RawCaller.tls(
      13...13, chain: svid.chain, key: Array(svid.privateKey.derRepresentation))
  }

  private static let undeclared = Attack(
    "undeclared-operations",
    steps:
      "with the operator's real certificate, call every operation that does not name the operator",
    expectation: "each is refused with 403 edge-not-declared, and recorded"
  ) { range in
    var calls = UndeclaredCalls(range)
    for charter in range.charters.charters {
      for operation in charter.operations where !operation.callers.contains("operator") {
        try await calls.call(operation, of: charter.service, named: "") {
          let answer = try await range.line.send($0, $1, to: charter.service, headers: $2, body: $3)
          return DrillRange.Answer(
            status: answer.status, headers: answer.headers, body: answer.body)
        }
      }
    }
    guard calls.tried > 0 else { return .notTried("the operator may call everything") }
    return calls.sighting
  }

  private static let unknownPath = Attack(
    "unknown-operations", steps: "call paths that no charter declares, with a real certificate",
    expectation: "404 or 405 from every service"
  ) { range in
    var wrong: [String] = []
    var tried = 0
    for (service, _) in range.ports {
      for target in ["/v1/nothing", "/admin", "/../v1/accounts", "//metrics", "/v1/accounts%2f"] {
        tried += 1
        let answer = try await range.line.send(.post, target, to: service)
        if !(400..<500).contains(answer.status) {
          wrong.append("\(service)\(target): \(answer.status)")
        }
      }
    }
    return .when(
      wrong.isEmpty,
      wrong.isEmpty ? "\(tried) of \(tried) refused" : wrong.joined(separator: ", "))
  }
}
