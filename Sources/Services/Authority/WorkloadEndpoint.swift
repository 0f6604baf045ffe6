import AuditAPI
import Chassis
import Crypto
import FoundationEssentials
import StrictJSON
import SwiftProtobuf
import Telemetry
import Vocabulary
import Workload
import WorkloadAPI
import WorkloadIdentity

/// The SPIFFE Workload API on `DIR/run/authority.sock`: who may connect is decided by attestation
/// alone.
struct WorkloadEndpoint: Sendable {
  /// Lifetime of a JWT-SVID.
  static let jwtLifetime: Duration = .seconds(300)

  let keys: AuthorityKeys
  let attestor: Attestor
  let journal: IssuanceJournal
  let lifetime: Duration
  let log: Log
  let clock: Clock
  let randomness: Randomness

  /// Serves one call.
  func answer(_ call: GRPCCall) async throws {
    guard let method = SpiffeWorkloadAPI.Method(rawValue: call.path) else {
      throw GRPCStatus.unimplemented
    }
    let header = SpiffeWorkloadAPI.securityHeader
    guard call.metadata(header.name) == header.value else {
      throw GRPCStatus.invalidArgument("security header missing from request")
    }
    switch method {
    case .fetchX509SVID: try await streamX509SVID(call, method)
    case .fetchX509Bundles:
      try await stream(call, method) { keys, _ in
        try WorkloadX509BundlesResponse.with {
          $0.bundles[Self.domain(keys)] = Data(keys.bundle.trust.authorityBytes.joined())
        }.serializedBytes()
      }
    case .fetchJWTBundles:
      try await stream(call, method) { keys, _ in
        try WorkloadJWTBundlesResponse.with {
          $0.bundles[Self.domain(keys)] = Data(SpiffeBundle.json(of: keys.bundle.jwtAuthorities))
        }.serializedBytes()
      }
    case .fetchJWTSVID: try await fetchJWTSVID(call, method)
    case .validateJWTSVID: try await validateJWTSVID(call, method)
    }
  }

  /// A certificate now, and a new one at each half-life and each change of the keys.
  private func streamX509SVID(_ call: GRPCCall, _ method: SpiffeWorkloadAPI.Method) async throws {
    while true {
      let changes = keys.changes()
      let workload = try await attest(call, method)
      let credentials = try keys.current.credentials(
        for: workload.service, lifetime: lifetime, at: clock.now(), randomness: randomness)
      try await journal.issued(
        method, to: workload, pid: call.peer.pid, until: credentials.svid.notAfter)
      try await call.send(Self.message(credentials))
      await pause(while: credentials.svid.fresh, or: changes, clock)
      try Task.checkCancellation()
    }
  }

  /// The same value again after each change of the keys.
  private func stream(
    _ call: GRPCCall, _ method: SpiffeWorkloadAPI.Method,
    _ message: @Sendable (SigningKeys, Attestor.Workload) throws -> [UInt8]
  ) async throws {
    while true {
      let changes = keys.changes()
      let workload = try await attest(call, method)
      try await call.send(try message(keys.current, workload))
      await pause(while: nil, or: changes, clock)
      try Task.checkCancellation()
    }
  }

  private func fetchJWTSVID(_ call: GRPCCall, _ method: SpiffeWorkloadAPI.Method) async throws {
    let workload = try await attest(call, method)
    guard let request = try? WorkloadJWTSVIDRequest(serializedBytes: call.message) else {
      throw GRPCStatus.invalidArgument("the request is malformed")
    }
    let keys = keys.current
    guard let id = SpiffeID(trustDomain: keys.trustDomain, service: workload.service) else {
      throw GRPCStatus.internalError
    }
    guard request.spiffeID.isEmpty || request.spiffeID == id.description else {
      throw GRPCStatus.permissionDenied("no identity issued")
    }
    let token: String
    do throws(JWTRefusal) {
      token = try JWTSVID.issue(
        for: id, audience: request.audience, lifetime: Self.jwtLifetime, at: clock.now(),
        key: keys.jwtKey
      ).token
    } catch {
      throw GRPCStatus.invalidArgument("audience must have 1 to \(JWTSVID.audiencesMax) entries")
    }
    try await journal.issued(
      method, to: workload, pid: call.peer.pid, until: clock.now() + Self.jwtLifetime)
    try await call.send(
      WorkloadJWTSVIDResponse.with {
        $0.svids = [
          WorkloadJWTSVID.with {
            $0.spiffeID = id.description
            $0.svid = token
          }
        ]
      }.serializedBytes())
  }

  private func validateJWTSVID(_ call: GRPCCall, _ method: SpiffeWorkloadAPI.Method) async throws {
    _ = try await attest(call, method)
    guard let request = try? WorkloadValidateJWTSVIDRequest(serializedBytes: call.message),
      !request.audience.isEmpty, !request.svid.isEmpty
    else { throw GRPCStatus.invalidArgument("audience and svid must be given") }
    let keys = keys.current
    let claims: JWTSVID.Claims
    do throws(JWTRefusal) {
      claims = try JWTSVID.validate(
        request.svid, audience: request.audience, authorities: keys.bundle.jwtAuthorities,
        trustDomain: keys.trustDomain, at: clock.now())
    } catch {
      throw GRPCStatus.invalidArgument("the token is not valid: \(error.rawValue)")
    }
    let fields = try Google_Protobuf_Struct(
      jsonUTF8Bytes: JSON.object(claims.all).canonicalBytes)
    try await call.send(
      WorkloadValidateJWTSVIDResponse.with {
        $0.spiffeID = claims.subject.description
        $0.claims = fields
      }.serializedBytes())
  }

  private func attest(
    _ call: GRPCCall, _ method: SpiffeWorkloadAPI.Method
  ) async throws -> Attestor.Workload {
    do throws(AttestationRefusal) {
      return try attestor.attest(call.peer)
    } catch {
      log.warning(
        "a process was refused an identity",
        ["reason": .id(error.rawValue), "pid": .count(call.peer.pid), "uid": .count(call.peer.uid)])
      try await journal.refused(method, call.peer, error)
      // The process learns no more than that (SPIFFE_Workload_API.md §6.2).
      throw GRPCStatus.permissionDenied("no identity issued")
    }
  }

  private static func domain(_ keys: SigningKeys) -> String { "spiffe://\(keys.trustDomain)" }

  private static func message(_ credentials: WorkloadCredentials) throws -> [UInt8] {
    try WorkloadX509SVIDResponse.with {
      $0.svids = [
        WorkloadX509SVID.with {
          $0.spiffeID = credentials.svid.id.description
          $0.x509Svid = Data(credentials.svid.chain.joined())
          $0.x509SvidKey = credentials.svid.privateKey.derRepresentation
          $0.bundle = Data(credentials.bundle.authorityBytes.joined())
        }
      ]
    }.serializedBytes()
  }
}
