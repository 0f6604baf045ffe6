import Crypto
import NIOCore
import NIOSSL
import Synchronization
package import Vocabulary
package import WorkloadIdentity
import FoundationEssentials
import SwiftASN1
import X509

/// Who we are and whom we trust, as TLS needs it. `replace` puts a rotated certificate in force for new connections;
/// connections that stand go on with the old one until their maximum age.
package final class MeshCredentials: Sendable {
  private struct Generation: Sendable {
    let credentials: WorkloadCredentials
    let server: NIOSSLContext
    let client: NIOSSLContext
  }
  private let generation: Mutex<Generation>
  package let clock: Clock
  #if DEBUG
    private let believesAll: Bool
  #endif

  /// - Parameter believesAll: takes every peer for what its certificate says; only in a test build, see `Weakness`.
  /// - Throws: when the key or a certificate cannot be read by the TLS library.
  package init(
    _ credentials: WorkloadCredentials, clock: Clock, believesAll: Bool = false
  ) throws {
    self.clock = clock
    #if DEBUG
      self.believesAll = believesAll
    #endif
    generation = Mutex(try Self.generation(of: credentials))
  }

  package func replace(with credentials: WorkloadCredentials) throws {
    let next = try Self.generation(of: credentials)
    generation.withLock { $0 = next }
  }

  package var current: WorkloadCredentials { generation.withLock { $0.credentials } }
  package var id: SpiffeID { current.svid.id }

  var serverContext: NIOSSLContext { generation.withLock { $0.server } }
  var clientContext: NIOSSLContext { generation.withLock { $0.client } }

  private static func generation(of credentials: WorkloadCredentials) throws -> Generation {
    let chain = try credentials.svid.chain.map {
      NIOSSLCertificateSource.certificate(try NIOSSLCertificate(bytes: $0, format: .der))
    }
    let key = try NIOSSLPrivateKey(
      bytes: Array(credentials.svid.privateKey.derRepresentation), format: .der)
    let server = TLSConfiguration.makeServerConfiguration(
      certificateChain: chain, privateKey: .privateKey(key))
    var client = TLSConfiguration.makeClientConfiguration()
    client.certificateChain = chain
    client.privateKey = .privateKey(key)
    return Generation(
      credentials: credentials, server: try NIOSSLContext(configuration: hardened(server)),
      client: try NIOSSLContext(configuration: hardened(client)))
  }

  /// TLS 1.3 and nothing else; the peer must show a certificate. The chain and the SPIFFE ID are judged by
  /// `PeerVerifier` in the verification callback, never by host name, which a workload certificate does not have.
  private static func hardened(_ configuration: TLSConfiguration) -> TLSConfiguration {
    var hardened = configuration
    hardened.minimumTLSVersion = .tlsv13
    hardened.maximumTLSVersion = .tlsv13
    hardened.certificateVerification = .noHostnameVerification
    hardened.trustRoots = .certificates([])
    hardened.applicationProtocols = ["http/1.1"]
    return hardened
  }

  /// Judges the certificates that a peer sent. Nil when they do not prove a workload of our trust domain.
  func judge(_ certificates: [[UInt8]]) -> VerifiedPeer? {
    #if DEBUG
      if believesAll { return believed(certificates) }
    #endif
    let (bundle, now) = (current.bundle, clock.now())
    let verifier = PeerVerifier(trustDomain: bundle.trustDomain)
    guard case .success(let id) = verifier.verify(chain: certificates, bundle: bundle, at: now),
      let leaf = certificates.first, let parsed = try? Certificate(derEncoded: leaf)
    else { return nil }
    let end = Instant(seconds: Int64(parsed.notValidAfter.timeIntervalSince1970))
    return VerifiedPeer(id: id, notAfter: end)
  }
}

#if DEBUG
  extension MeshCredentials {
    /// For the test of drills that must notice when peers are not judged; not in a release.
    private func believed(_ certificates: [[UInt8]]) -> VerifiedPeer? {
      guard let leaf = certificates.first.flatMap({ try? Certificate(derEncoded: $0) }) else {
        return nil
      }
      let names = (try? leaf.extensions.subjectAlternativeNames) ?? SubjectAlternativeNames()
      let uris = names.compactMap {
        if case .uniformResourceIdentifier(let uri) = $0 { SpiffeID(uri) } else { nil }
      }
      return VerifiedPeer(id: uris.first ?? id, notAfter: clock.now() + .seconds(3_600))
    }
  }
#endif

/// Proof that the other end of a connection is a workload: only a finished verification makes one.
package struct VerifiedPeer: Sendable, Hashable {
  package let id: SpiffeID
  /// The end of the peer's certificate. A connection must not be used after it.
  package let notAfter: Instant

  fileprivate init(id: SpiffeID, notAfter: Instant) {
    self.id = id
    self.notAfter = notAfter
  }
}

/// Where one connection's verification leaves its result for the handlers behind it.
/// A class, because the TLS callback and the HTTP handler of one connection must see the same slot.
final class PeerSlot: Sendable {
  private let slot = Mutex<VerifiedPeer?>(nil)
  var peer: VerifiedPeer? { slot.withLock { $0 } }
  func fill(_ peer: VerifiedPeer) { slot.withLock { $0 = peer } }
}

extension MeshCredentials {
  /// The callback for NIOSSL: fills the slot and accepts, or refuses. `expected` narrows it to one service (clients).
  func verification(into slot: PeerSlot, expected: SpiffeID? = nil)
    -> NIOSSLCustomVerificationCallback
  {
    { certificates, promise in
      let chain = certificates.compactMap { try? $0.toDERBytes() }
      guard chain.count == certificates.count else { return promise.succeed(.failed) }
      guard let peer = self.judge(chain), expected == nil || peer.id == expected else {
        return promise.succeed(.failed)
      }
      slot.fill(peer)
      promise.succeed(.certificateVerified)
    }
  }
}
