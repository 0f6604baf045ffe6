import Crypto
import FoundationEssentials
import StrictJSON
import SwiftASN1
import TestKit
import Testing
import Tokens
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
    let names = ServerNames(hosts: ["localhost"], addresses: [[127, 0, 0, 1]])
    let edge = try CertificateAuthority.edge(
      for: names, lifetime: .seconds(86_400), at: now, randomness: randomness)
    let certificate = try edge.edgeCertificate(
      for: names, lifetime: .seconds(3_600), at: now, randomness: randomness)
    let bundle = try TrustBundle(trustDomain: "bank.test", der: [edge.certificateBytes])
    #expect(
      PeerVerifier(trustDomain: "bank.test").verify(
        chain: certificate.chain, bundle: bundle, at: now) == .failure(.leafExtendedKeyUsage))
    #expect(throws: IssuingRefusal.names) {
      try edge.edgeCertificate(
        for: ServerNames(hosts: [], addresses: []), lifetime: .seconds(3_600), at: now,
        randomness: randomness)
    }
    let many = (0..<CertificateAuthority.edgeNamesMax).map { "a\($0).test" }
    for (hosts, refusal) in [(many, nil), (many + ["b.test"], IssuingRefusal.names)] {
      let names = ServerNames(hosts: hosts, addresses: [])
      var seen: IssuingRefusal?
      do throws(IssuingRefusal) {
        let authority = try CertificateAuthority.edge(
          for: names, lifetime: .seconds(86_400), at: now, randomness: randomness)
        #expect(authority.constrainedNames == names)
        _ = try authority.edgeCertificate(
          for: names, lifetime: .seconds(3_600), at: now, randomness: randomness)
      } catch {
        seen = error
      }
      #expect(seen == refusal)
    }
  }

  @Test func `vouches for no other name, and is believed for none`() throws {
    let names = ServerNames(
      hosts: ["localhost", "bank.example"],
      addresses: [[127, 0, 0, 1], [UInt8](repeating: 1, count: 16)])
    let edge = try CertificateAuthority.edge(
      for: names, lifetime: .seconds(86_400), at: now, randomness: randomness)
    #expect(edge.constrainedNames?.hosts == names.hosts)
    let strangers = [
      ServerNames(hosts: ["www.google.com"], addresses: []),
      ServerNames(hosts: ["localhost", "www.google.com"], addresses: []),
      // Below a name of ours, which constraints cannot tell from it; we do not issue it either.
      ServerNames(hosts: ["a.bank.example"], addresses: []),
    ]
    for stranger in strangers {
      #expect(throws: IssuingRefusal.foreignNames) {
        try edge.edgeCertificate(
          for: stranger, lifetime: .seconds(3_600), at: now, randomness: randomness)
      }
    }
    // Whoever has stolen the key signs what he likes; who checks the chain sees the authority's constraints.
    let thief = try CertificateAuthority.edge(
      for: ServerNames(hosts: ["www.google.com"], addresses: [[8, 8, 8, 8]]),
      lifetime: .seconds(86_400), at: now, randomness: randomness)
    for (authority, host, address, verdict) in [
      (edge, "localhost", [UInt8]([127, 0, 0, 1]), nil as PeerRefusal?),
      (edge, "www.google.com", [127, 0, 0, 1], .nameConstraint),
      (edge, "bank.example.evil.test", [127, 0, 0, 1], .nameConstraint),
      (thief, "www.google.com", [8, 8, 8, 8], .noTrustedIssuer),
    ] {
      let leaf = try forged(under: authority, host: host, address: address)
      var seen: PeerRefusal?
      do throws(PeerRefusal) {
        _ = try CertificatePath.build(
          leaf: leaf, intermediates: [], roots: [edge.certificate], at: now)
      } catch {
        seen = error
      }
      #expect(seen == verdict, "\(host) \(address)")
    }
    let root = try root()
    #expect(root.constrainedNames == nil)
  }

  /// A server certificate for any name, as the library makes it for whoever has an authority's key.
  private func forged(
    under authority: CertificateAuthority, host: String, address: [UInt8]
  ) throws -> Certificate {
    let issuerKey = Certificate.PublicKey(authority.privateKey.publicKey)
    return try Certificate(
      version: .v3, serialNumber: .init(bytes: [0x41] + randomness.bytes(15)),
      publicKey: .init(P256.Signing.PrivateKey().publicKey),
      notValidBefore: Date(timeIntervalSince1970: Double(now.seconds) - 10),
      notValidAfter: Date(timeIntervalSince1970: Double(now.seconds) + 600),
      issuer: authority.certificate.subject,
      subject: DistinguishedName { CommonName("forged") }, signatureAlgorithm: .ecdsaWithSHA256,
      extensions: Certificate.Extensions {
        Critical(BasicConstraints.notCertificateAuthority)
        AuthorityKeyIdentifier(
          keyIdentifier: SubjectKeyIdentifier(hash: issuerKey).keyIdentifier)
        SubjectAlternativeNames([
          .dnsName(host), .ipAddress(ASN1OctetString(contentBytes: address[...])),
        ])
      }, issuerPrivateKey: .init(authority.privateKey))
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

  @Test func `is validated for somebody, and names somebody`() throws {
    let keyID = JWTAuthority(key.publicKey).keyID
    func signed(_ audience: JSON) throws -> String {
      let header: JSON = ["alg": "ES256", "kid": .string(keyID), "typ": "JWT"]
      let claims: JSON = [
        "sub": "spiffe://bank.test/payments", "exp": .integer(now.seconds + 300), "aud": audience,
      ]
      let input =
        Base64URL.encode(header.canonicalBytes) + "." + Base64URL.encode(claims.canonicalBytes)
      let signature = try key.signature(for: Array(input.utf8)).rawRepresentation
      return input + "." + Base64URL.encode(signature)
    }
    #expect(validate(try signed("ledger")) == .success("spiffe://bank.test/payments"))
    for audience in ["", ["", "ledger"], [], ["ledger", 7], .null] as [JSON] {
      #expect(validate(try signed(audience), audience: "") == .failure(.audience))
      #expect(validate(try signed(audience)) == .failure(.audience))
    }
    let long = String(repeating: "a", count: JWTSVID.audienceBytesMax + 1)
    #expect(validate(try signed(.string(long)), audience: long) == .failure(.audience))
  }

  @Test func `is never longer than what is read`() throws {
    func audiences(_ count: Int) -> [String] {
      (0..<count).map {
        String(repeating: "a", count: JWTSVID.audienceBytesMax - 2) + ($0 < 10 ? "0\($0)" : "\($0)")
      }
    }
    let most = try #require(
      (1...JWTSVID.audiencesMax).last { (try? token(audiences($0))) != nil })
    #expect(most < JWTSVID.audiencesMax)
    #expect(
      validate(try token(audiences(most)), audience: audiences(1)[0])
        == .success("spiffe://bank.test/payments"))
    #expect(throws: JWTRefusal.audience) { try token(audiences(most + 1)) }
  }

  @Test func `is believed beside keys that are not understood`() throws {
    let rsa: JSON = [
      "kty": "RSA", "kid": "r", "use": "jwt-svid", "n": "AQAB", "e": "AQAB", "alg": "RS256",
    ]
    let own = JSON.object(JWTAuthority(key.publicKey).jwk)
    var renamed = JWTAuthority(key.publicKey).jwk
    for (name, value) in [("kty", "OKP"), ("crv", "P-521"), ("alg", "ES512")] as [(String, JSON)] {
      renamed = JWTAuthority(key.publicKey).jwk
      renamed["kid"] = "other"
      renamed[name] = value
      let set: JSON = ["keys": [rsa, .object(renamed), own]]
      let keys = try SpiffeBundle.jwtAuthorities(json: set.canonicalBytes)
      #expect(keys.map(\.keyID) == [JWTAuthority(key.publicKey).keyID])
      let bundle = try SpiffeBundle(trustDomain: "bank.test", json: set.canonicalBytes)
      #expect(
        validate(try token(), keys: bundle.jwtAuthorities)
          == .success("spiffe://bank.test/payments"))
    }
    let many: JSON = ["keys": .array(Array(repeating: rsa, count: SpiffeBundle.keysMax + 1))]
    #expect(throws: BundleRefusal.tooLarge) {
      try SpiffeBundle.jwtAuthorities(json: many.canonicalBytes)
    }
  }

  @Test func `has one to sixteen audiences`() throws {
    #expect(throws: JWTRefusal.audience) { try token([]) }
    #expect(throws: Never.self) { try token((0..<16).map { "a\($0)" }) }
    #expect(throws: JWTRefusal.audience) { try token((0..<17).map { "a\($0)" }) }
  }
}
