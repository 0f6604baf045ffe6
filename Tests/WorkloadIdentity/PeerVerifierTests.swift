import Crypto
import TestKit
import Testing
import Vocabulary
import WorkloadIdentity
import X509

@Suite struct `A peer` {
  let now = Instant(seconds: 1_800_000_000)
  let randomness: Randomness
  let root: CertificateAuthority
  let issuer: CertificateAuthority
  let bundle: TrustBundle
  let verifier = PeerVerifier(trustDomain: "bank.test")
  let payments: SpiffeID

  init() throws {
    randomness = .seeded(testSeed("peer"))
    root = try .root(
      trustDomain: "bank.test", lifetime: .seconds(864_000), at: now, randomness: randomness)
    issuer = try root.issuingAuthority(
      trustDomain: "bank.test", lifetime: .seconds(86_400), at: now, randomness: randomness)
    bundle = try TrustBundle(trustDomain: "bank.test", der: [root.certificateBytes])
    payments = try #require(SpiffeID("spiffe://bank.test/payments"))
  }

  func svid(lifetime: Duration = .seconds(3_600)) throws -> X509SVID {
    try issuer.svid(for: payments, lifetime: lifetime, at: now, randomness: randomness)
  }

  @Test func `is known by its only URI name`() throws {
    #expect(verifier.verify(chain: try svid().chain, bundle: bundle, at: now) == .success(payments))
  }

  @Test func `is believed from the first to the last second of its certificate`() throws {
    let document = try svid()
    let cases: [(Instant, PeerRefusal?)] = [
      (document.notBefore - .nanoseconds(1), .notYetValid), (document.notBefore, nil),
      (document.notAfter, nil), (document.notAfter + .milliseconds(999), nil),
      (document.notAfter + .seconds(1), .expired),
    ]
    for (moment, refusal) in cases {
      let result = verifier.verify(chain: document.chain, bundle: bundle, at: moment)
      #expect(result == (refusal.map { .failure($0) } ?? .success(payments)), "\(moment)")
    }
  }

  @Test func `of another root, another domain or without an intermediate is refused`() throws {
    let document = try svid()
    let other = try CertificateAuthority.root(
      trustDomain: "bank.test", lifetime: .seconds(864_000), at: now, randomness: randomness)
    let otherBundle = try TrustBundle(trustDomain: "bank.test", der: [other.certificateBytes])
    let foreign = try TrustBundle(trustDomain: "rival.test", der: [root.certificateBytes])
    #expect(
      verifier.verify(chain: document.chain, bundle: otherBundle, at: now)
        == .failure(.noTrustedIssuer))
    #expect(
      verifier.verify(chain: document.chain, bundle: foreign, at: now)
        == .failure(.foreignTrustDomain))
    #expect(
      verifier.verify(chain: [document.chain[0]], bundle: bundle, at: now)
        == .failure(.noTrustedIssuer))
    #expect(verifier.verify(chain: [], bundle: bundle, at: now) == .failure(.noCertificate))
    #expect(
      verifier.verify(chain: [[1, 2, 3]], bundle: bundle, at: now)
        == .failure(.malformedCertificate))
  }

  @Test func `is believed under either root while a rotation lasts`() throws {
    let next = try CertificateAuthority.root(
      trustDomain: "bank.test", lifetime: .seconds(864_000), at: now, randomness: randomness)
    let nextIssuer = try next.issuingAuthority(
      trustDomain: "bank.test", lifetime: .seconds(86_400), at: now, randomness: randomness)
    let both = try TrustBundle(
      trustDomain: "bank.test", der: [root.certificateBytes, next.certificateBytes])
    let fresh = try nextIssuer.svid(
      for: payments, lifetime: .seconds(600), at: now, randomness: randomness)
    #expect(verifier.verify(chain: try svid().chain, bundle: both, at: now) == .success(payments))
    #expect(verifier.verify(chain: fresh.chain, bundle: both, at: now) == .success(payments))
    #expect(
      verifier.verify(chain: fresh.chain, bundle: bundle, at: now) == .failure(.noTrustedIssuer))
  }

  @Test func `may send twelve certificates, not thirteen`() throws {
    let document = try svid()
    let max = CertificatePath.Limits.standard.certificatesMax
    let padded = document.chain + Array(repeating: issuer.certificateBytes, count: max - 2)
    #expect(verifier.verify(chain: padded, bundle: bundle, at: now) == .success(payments))
    #expect(
      verifier.verify(chain: padded + [issuer.certificateBytes], bundle: bundle, at: now)
        == .failure(.tooLarge))
  }

  @Test func `with one flipped bit anywhere is never believed to be another`() throws {
    let document = try svid()
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<400 {
      var leaf = document.chain[0]
      let position = Int.random(in: 0..<leaf.count, using: &generator)
      leaf[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      let result = verifier.verify(
        chain: [leaf, document.chain[1]], bundle: bundle, at: now)
      if case .success(let id) = result { Issue.record("byte \(position) accepted as \(id)") }
    }
  }
}

@Suite struct `A certificate authority` {
  let now = Instant(seconds: 1_800_000_000)
  let randomness = Randomness.seeded(7)

  func root() throws -> CertificateAuthority {
    try .root(
      trustDomain: "bank.test", lifetime: .seconds(864_000), at: now, randomness: randomness)
  }

  @Test func `issues for an hour at most`() throws {
    let root = try root()
    let id = try #require(SpiffeID("spiffe://bank.test/ledger"))
    let document = try root.svid(
      for: id, lifetime: .seconds(3_600), at: now, randomness: randomness)
    #expect(document.notAfter - document.notBefore == .seconds(3_600))
    #expect(document.halfLife - document.notBefore == .seconds(1_800))
    for lifetime in [Duration.seconds(3_601), .seconds(10), .zero, .seconds(-1)] {
      #expect(throws: IssuingRefusal.lifetime) {
        try root.svid(for: id, lifetime: lifetime, at: now, randomness: randomness)
      }
    }
  }

  @Test func `issues only inside its trust domain, and only for a workload`() throws {
    let root = try root()
    for text in ["spiffe://rival.test/ledger", "spiffe://bank.test"] {
      let id = try #require(SpiffeID(text))
      #expect(throws: IssuingRefusal.foreignTrustDomain) {
        try root.svid(for: id, lifetime: .seconds(60), at: now, randomness: randomness)
      }
    }
  }

  @Test func `never issues beyond its own end`() throws {
    let root = try root()
    let id = try #require(SpiffeID("spiffe://bank.test/ledger"))
    let late = root.notAfter - .seconds(60)
    let document = try root.svid(
      for: id, lifetime: .seconds(3_600), at: late, randomness: randomness)
    #expect(document.notAfter == root.notAfter)
    #expect(throws: IssuingRefusal.authorityExpired) {
      try root.svid(for: id, lifetime: .seconds(60), at: root.notAfter, randomness: randomness)
    }
  }

  @Test func `comes back from its bytes and its key, and from no other key`() throws {
    let root = try root()
    let again = try CertificateAuthority(
      certificateBytes: root.certificateBytes, privateKey: root.privateKey)
    #expect(again.trustDomain == "bank.test")
    #expect(throws: IssuingRefusal.keyMismatch) {
      try CertificateAuthority(
        certificateBytes: root.certificateBytes, privateKey: P256.Signing.PrivateKey())
    }
  }

  @Test func `names the gateway to the world, apart from the workloads' root`() throws {
    let edge = try CertificateAuthority.edge(
      lifetime: .seconds(86_400), at: now, randomness: randomness)
    let certificate = try edge.edgeCertificate(
      hosts: ["localhost"], addresses: [[127, 0, 0, 1]], lifetime: .seconds(3_600), at: now,
      randomness: randomness)
    let bundle = try TrustBundle(trustDomain: "bank.test", der: [edge.certificateBytes])
    #expect(
      PeerVerifier(trustDomain: "bank.test").verify(
        chain: certificate.chain, bundle: bundle, at: now) == .failure(.leafExtendedKeyUsage))
    #expect(throws: IssuingRefusal.names) {
      try edge.edgeCertificate(
        hosts: [], addresses: [], lifetime: .seconds(3_600), at: now, randomness: randomness)
    }
    let many = Array(repeating: "a.test", count: CertificateAuthority.edgeNamesMax)
    #expect(throws: Never.self) {
      try edge.edgeCertificate(
        hosts: many, addresses: [], lifetime: .seconds(3_600), at: now, randomness: randomness)
    }
    #expect(throws: IssuingRefusal.names) {
      try edge.edgeCertificate(
        hosts: many + ["b.test"], addresses: [], lifetime: .seconds(3_600), at: now,
        randomness: randomness)
    }
  }
}

@Suite struct `A JWT-SVID` {
  let now = Instant(seconds: 1_800_000_000)
  let key = P256.Signing.PrivateKey()

  func token(_ audience: [String] = ["ledger"]) throws -> String {
    try JWTSVID.issue(
      for: try #require(SpiffeID("spiffe://bank.test/payments")), audience: audience,
      lifetime: .seconds(300), at: now, key: key
    ).token
  }
  func validate(
    _ token: String, audience: String = "ledger", keys: [JWTAuthority]? = nil,
    domain: String = "bank.test", at moment: Instant? = nil
  ) -> Result<String, JWTRefusal> {
    Result { () throws(JWTRefusal) in
      try JWTSVID.validate(
        token, audience: audience, authorities: keys ?? [JWTAuthority(key.publicKey)],
        trustDomain: domain, at: moment ?? now
      ).subject.description
    }
  }

  @Test func `is believed by its audience, until it expires`() throws {
    let token = try token()
    #expect(validate(token) == .success("spiffe://bank.test/payments"))
    #expect(validate(token, audience: "audit") == .failure(.audience))
    #expect(validate(token, domain: "rival.test") == .failure(.subject))
    #expect(validate(token, keys: []) == .failure(.unknownKey))
    let last = now + .seconds(300) + JWTSVID.skew
    #expect(validate(token, at: last - .nanoseconds(1)) == .success("spiffe://bank.test/payments"))
    #expect(validate(token, at: last) == .failure(.expired))
    #expect(validate(token, at: now - .seconds(11)) == .failure(.notYetValid))
  }

  @Test func `signed by another key of the same name is refused`() throws {
    let imposter = JWTAuthority(
      keyID: JWTAuthority(key.publicKey).keyID, publicKey: P256.Signing.PrivateKey().publicKey)
    #expect(validate(try token(), keys: [imposter]) == .failure(.signature))
  }

  @Test func `without signature, or of another algorithm, is refused`() throws {
    let parts = try token().split(separator: ".").map(String.init)
    // {"alg":"none"} and {"alg":"HS256"}
    for header in ["eyJhbGciOiJub25lIn0", "eyJhbGciOiJIUzI1NiJ9"] {
      #expect(validate("\(header).\(parts[1]).\(parts[2])") == .failure(.algorithm))
    }
    #expect(validate("\(parts[0]).\(parts[1])") == .failure(.malformed))
    #expect(validate("\(parts[0]).\(parts[1]).") == .failure(.signature))
  }

  @Test func `has one to sixteen audiences`() throws {
    #expect(throws: JWTRefusal.audience) { try token([]) }
    #expect(throws: Never.self) { try token((0..<16).map { "a\($0)" }) }
    #expect(throws: JWTRefusal.audience) { try token((0..<17).map { "a\($0)" }) }
  }
}
