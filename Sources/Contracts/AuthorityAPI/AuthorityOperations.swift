package import Vocabulary

/// The operations of the authority: one constant per operationId in its `openapi.yaml`. Identities
/// are not among them: workloads fetch those through the SPIFFE Workload API.
package enum AuthorityOperations {
  /// The caller's own sealing keys, every version still needed. Natural: asking again changes
  /// nothing.
  package static let getSealingKeyring = Operation<Nothing, SealingKeyring>(
    "getSealingKeyring", of: "authority", .post, "/v1/sealing-keyring")
  /// Under which versions something of the caller's is sealed. Those that it does not name, and that are older than the
  /// one it seals with, are retired; retired ones that it names are given out again. The answer is the keyring from now
  /// on. Natural: the same word again changes nothing.
  package static let reportSealingVersions = Operation<SealingVersionsInUse, SealingKeyring>(
    "reportSealingVersions", of: "authority", .post, "/v1/sealing-keyring/uses")
  /// A fresh public TLS certificate for the gateway, with its key.
  package static let issueEdgeCertificate = Operation<
    EdgeCertificateRequest, IssuedEdgeCertificate
  >(
    "issueEdgeCertificate", of: "authority", .post, "/v1/edge-certificates")
  /// Replaces the issuing authority; every workload gets a new certificate at once.
  package static let rotateIssuer = Operation<Nothing, RotationAnswer>(
    "rotateIssuer", of: "authority", .post, "/v1/issuer/rotations")
  /// Replaces the root. Both roots are in the bundle until the old one's last certificate has
  /// ended.
  package static let rotateTrustRoot = Operation<Nothing, RotationAnswer>(
    "rotateTrustRoot", of: "authority", .post, "/v1/roots/rotations")
  /// Adds a version to a service's sealing keys; earlier versions stay readable.
  package static let rotateSealingKey = Operation<RotateSealingKey, SealingKeyRotated>(
    "rotateSealingKey", of: "authority", .post, "/v1/sealing-keyring/rotations")
  /// The platform's revocation feed. Query `after`: the last number the caller has (0 at first); `wait_ms` (0–2,000): how
  /// long to wait for something newer.
  package static let listRevocations = Operation<Nothing, SignedRevocations>(
    "listRevocations", of: "authority", .get, "/v1/revocations")
  /// Puts revocations into the feed; who calls says whose numbers they bear. Safe to repeat.
  package static let publishRevocations = Operation<PublishedRevocations, RevocationsTaken>(
    "publishRevocations", of: "authority", .post, "/v1/revocations")
  /// Where a publisher's outbox keeps what is to be published.
  package static let revocationsTopic = "revocations"
  /// The trust bundle in the SPIFFE bundle format.
  package static let getTrustBundle = Operation<Nothing, TrustBundleAnswer>(
    "getTrustBundle", of: "authority", .get, "/v1/bundle")
}

/// A service's sealing keys. Never logged; held in memory only.
package struct SealingKeyring: Codable, Hashable, Sendable {
  /// The version to seal with; the highest of `keys`.
  package let current: Int
  /// Ascending, without those that were retired; each opens what it sealed.
  package let keys: [SealingKeyVersion]
  package init(current: Int, keys: [SealingKeyVersion]) {
    self.current = current
    self.keys = keys
  }
}

/// One AES-256 key.
package struct SealingKeyVersion: Codable, Hashable, Sendable {
  /// 1–4,294,967,295.
  package let version: Int
  /// 32 bytes, base64url without padding (RFC 4648 §5).
  package let key: String
  package init(version: Int, key: String) {
    self.version = version
    self.key = key
  }
}

extension SealingKeyVersion: CustomStringConvertible, CustomReflectable {
  /// Without the key.
  package var description: String { "sealing key version \(version)" }
  package var customMirror: Mirror { Mirror(self, children: ["version": version]) }
}

/// What a service still holds under its sealing keys.
package struct SealingVersionsInUse: SnakeCased, Codable, Hashable, Sendable {
  /// The version it seals with, since long enough that nothing under an older one can come any more.
  package let current: Int
  /// Versions under which something of its own is sealed, ascending; up to 1,024.
  package let inUse: [Int]
  package init(current: Int, inUse: [Int]) {
    self.current = current
    self.inUse = inUse
  }
}

/// What the gateway's public certificate shall name.
package struct EdgeCertificateRequest: Codable, Hashable, Sendable {
  /// Lower-case host names.
  package let hosts: [String]
  /// IPv4 or IPv6 addresses in text. Together with `hosts` 1–32 names.
  package let addresses: [String]
  package init(hosts: [String], addresses: [String]) {
    self.hosts = hosts
    self.addresses = addresses
  }
}

/// A public TLS certificate with its key.
package struct IssuedEdgeCertificate: SnakeCased, Codable, Hashable, Sendable {
  /// PEM, leaf first, without the root.
  package let chain: String
  /// PKCS #8 in PEM. Never logged; held in memory only.
  package let privateKey: String
  /// PEM of the authority behind it, as in `edge-ca.pem`.
  package let authority: String
  package let notBefore: Instant
  package let notAfter: Instant
  package init(
    chain: String, privateKey: String, authority: String, notBefore: Instant, notAfter: Instant
  ) {
    self.chain = chain
    self.privateKey = privateKey
    self.authority = authority
    self.notBefore = notBefore
    self.notAfter = notAfter
  }
}

extension IssuedEdgeCertificate: CustomStringConvertible, CustomReflectable {
  /// Without the key.
  package var description: String { "edge certificate until \(notAfter)" }
  package var customMirror: Mirror { Mirror(self, children: ["notAfter": notAfter]) }
}

/// What a rotation left in force.
package struct RotationAnswer: SnakeCased, Codable, Hashable, Sendable {
  /// Serial number of the new signing certificate, in hex.
  package let serial: String
  package let notAfter: Instant
  /// Roots in the bundle now: two during an overlap.
  package let roots: Int
  package init(serial: String, notAfter: Instant, roots: Int) {
    self.serial = serial
    self.notAfter = notAfter
    self.roots = roots
  }
}

/// Whose sealing keys to rotate.
package struct RotateSealingKey: Codable, Hashable, Sendable {
  package let service: ServiceName
  package init(service: ServiceName) { self.service = service }
}

/// The version that seals from now on.
package struct SealingKeyRotated: Codable, Hashable, Sendable {
  package let service: ServiceName
  package let current: Int
  package init(service: ServiceName, current: Int) {
    self.service = service
    self.current = current
  }
}

/// The trust bundle, for who stands outside.
package struct TrustBundleAnswer: SnakeCased, Codable, Hashable, Sendable {
  package let trustDomain: String
  /// The SPIFFE bundle document (a JWK set) as JSON text.
  package let document: String
  /// The X.509 roots in PEM, oldest first.
  package let authorities: [String]
  package init(trustDomain: String, document: String, authorities: [String]) {
    self.trustDomain = trustDomain
    self.document = document
    self.authorities = authorities
  }
}

extension Header {
  /// In answers of the revocation feed: the newest version of the caller's own sealing keys, a decimal number. A hint and no
  /// more: who hears of a newer one asks for it.
  package static let sealingVersion = "strongroom-sealing-version"
}
