import Authority
import Charters
import Chassis
import Crypto
import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import SwiftASN1
import Transport
import Vocabulary
import WorkloadIdentity
import X509

/// A thief with the platform's own issuing key: makes certificates that the authority would never make, and plays any
/// service. What stands against him are the checks at each hop, one by one.
struct Insider: Sendable {
  private let keys: StolenKeys
  private let range: DrillRange

  init(_ range: DrillRange, _ keys: StolenKeys) {
    self.range = range
    self.keys = keys
  }

  func uri(_ service: ServiceName) -> String { "spiffe://\(range.platform.trustDomain)/\(service)" }

  // MARK: as a service

  /// A certificate as the authority makes it.
  func credentials(
    as service: ServiceName, lifetime: Duration = .seconds(600)
  ) throws -> WorkloadCredentials {
    guard let id = SpiffeID(trustDomain: range.platform.trustDomain, service: service) else {
      throw IssuingRefusal.foreignTrustDomain
    }
    let svid = try keys.issuer.svid(
      for: id, lifetime: lifetime, at: range.clock.now(), randomness: range.randomness)
    return WorkloadCredentials(svid: svid, bundle: keys.bundle)
  }

  func tls(
    as service: ServiceName, lifetime: Duration = .seconds(600),
    versions: ClosedRange<Int> = 13...13
  ) throws -> TLSConfiguration {
    let svid = try credentials(as: service, lifetime: lifetime).svid
    return try RawCaller.tls(
      versions, chain: svid.chain, key: Array(svid.privateKey.derRepresentation))
  }

  /// One request to `service` in the name of `caller`.
  func ask(
    _ service: ServiceName, as caller: TransportClient, _ method: String, _ target: String,
    headers: Headers, body: [UInt8]
  ) async throws -> DrillRange.Answer {
    guard let port = range.charters[service]?.port,
      let id = SpiffeID(trustDomain: range.platform.trustDomain, service: service)
    else { throw TransportFailure.unreachable }
    let endpoint = ServiceEndpoint(
      id: id, host: range.platform.bind, port: port + range.platform.portOffset)
    let answer = try await caller.send(
      WireRequest(
        method: method, target: target, headers: headers, body: ByteBuffer(bytes: body)),
      to: endpoint, by: Deadline(range.clock.now() + .seconds(5)), isRepeatable: false)
    return DrillRange.Answer(
      status: answer.status, headers: answer.headers, body: Array(answer.body.readableBytesView))
  }

  func client(as service: ServiceName) throws -> TransportClient {
    TransportClient(
      credentials: try MeshCredentials(credentials(as: service), clock: range.clock),
      group: MultiThreadedEventLoopGroup.singleton)
  }

  // MARK: malformed certificates

  /// What is wrong with a certificate; as it stands, nothing is.
  struct Draft: Sendable {
    var uris: [String]
    /// Seconds from now.
    var begins = -60
    var ends = 600
    var isAuthority = false
    /// Signed by a workload's key under a workload's certificate, which may sign nothing.
    var isBelowLeaf = false
  }

  func malformed(_ draft: Draft) throws -> TLSConfiguration {
    let key = P256.Signing.PrivateKey()
    let below = draft.isBelowLeaf ? try credentials(as: "gateway").svid : nil
    let signer = below?.privateKey ?? keys.issuer.privateKey
    let subject = DistinguishedName()
    var usage = KeyUsage(digitalSignature: true)
    if draft.isAuthority { usage.keyCertSign = true }
    let now = Date(timeIntervalSince1970: Double(range.clock.now().seconds))
    let constraints: BasicConstraints =
      draft.isAuthority ? .isCertificateAuthority(maxPathLength: nil) : .notCertificateAuthority
    let extensions = try Certificate.Extensions {
      Critical(constraints)
      Critical(usage)
      try ExtendedKeyUsage([.serverAuth, .clientAuth])
      SubjectKeyIdentifier(hash: Certificate.PublicKey(key.publicKey))
      AuthorityKeyIdentifier(
        keyIdentifier: SubjectKeyIdentifier(hash: Certificate.PublicKey(signer.publicKey))
          .keyIdentifier)
      if !draft.uris.isEmpty {
        Critical(
          SubjectAlternativeNames(draft.uris.map { .uniformResourceIdentifier($0) }))
      }
    }
    let issuer = try below.map { try Certificate(derEncoded: $0.chain[0]).subject }
    let certificate = try Certificate(
      version: .v3,
      serialNumber: Certificate.SerialNumber(bytes: [0x41] + range.randomness.bytes(15)),
      publicKey: Certificate.PublicKey(key.publicKey),
      notValidBefore: now.addingTimeInterval(Double(draft.begins)),
      notValidAfter: now.addingTimeInterval(Double(draft.ends)),
      issuer: issuer ?? keys.issuer.certificate.subject, subject: subject,
      signatureAlgorithm: .ecdsaWithSHA256, extensions: extensions,
      issuerPrivateKey: Certificate.PrivateKey(signer))
    var serializer = DER.Serializer()
    try serializer.serialize(certificate)
    let rest = (below?.chain.first.map { [$0] } ?? []) + [keys.issuer.certificateBytes]
    return try RawCaller.tls(
      13...13, chain: [serializer.serializedBytes] + rest, key: Array(key.derRepresentation))
  }
}
