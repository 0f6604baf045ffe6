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
  /// How soon an open stream hears that its workload was removed.
  static let recordsLookedAtEvery: Duration = .seconds(1)
  /// The reason on record where a process asks too often.
  static let tooOften = "too-often"

  let keys: AuthorityKeys
  let attestor: Attestor
  let journal: IssuanceJournal
  let rate = IssuanceRate()
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
    try await requireRate(.calls(pid: call.peer.pid), call, method)
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
    // What follows on the stream comes by our own schedule, so only its beginning counts.
    try await requireIdentityRate(call, method)
    while true {
      let (changes, records) = (keys.changes(), attestor.recordsVersion)
      let workload = try await attest(call, method)
      let credentials = try keys.current.credentials(
        for: workload.service, lifetime: lifetime, at: clock.now(), randomness: randomness)
      try await journal.issued(
        method, to: workload, pid: call.peer.pid, until: credentials.svid.notAfter)
      try await call.send(Self.message(credentials))
      try await rest(
        call, method, since: records, while: credentials.svid.fresh, or: changes)
    }
  }

  /// The same value again after each change of the keys.
  private func stream(
    _ call: GRPCCall, _ method: SpiffeWorkloadAPI.Method,
    _ message: @Sendable (SigningKeys, Attestor.Workload) throws -> [UInt8]
  ) async throws {
    while true {
      let (changes, records) = (keys.changes(), attestor.recordsVersion)
      let workload = try await attest(call, method)
      try await call.send(try message(keys.current, workload))
      try await rest(call, method, since: records, while: nil, or: changes)
    }
  }

  /// Returns when there is something to send. A stream whose workload was removed ends meanwhile: without a word on it a
  /// client would go on with what it has (SPIFFE_Workload_API.md §5.2.1).
  /// - Throws: `GRPCStatus.permissionDenied`; `CancellationError`.
  private func rest(
    _ call: GRPCCall, _ method: SpiffeWorkloadAPI.Method, since records: [Int],
    while span: Range<Instant>?, or changes: AsyncStream<Void>
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await pause(while: span, or: changes, clock) }
      group.addTask {
        var version = records
        while true {
          try await pause(for: Self.recordsLookedAtEvery)
          let now = attestor.recordsVersion
          guard now != version else { continue }
          version = now
          // A whole attestation reads the executable: only where it will be refused, which is then on record.
          if !attestor.isOnRecord(call.peer) { _ = try await attest(call, method) }
        }
      }
      defer { group.cancelAll() }
      try await group.next()
    }
    try Task.checkCancellation()
  }

  private func fetchJWTSVID(_ call: GRPCCall, _ method: SpiffeWorkloadAPI.Method) async throws {
    let workload = try await requireIdentityRate(call, method)
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

  /// The process has an identity coming, by its own rate and by that of all who are the same workload.
  @discardableResult
  private func requireIdentityRate(
    _ call: GRPCCall, _ method: SpiffeWorkloadAPI.Method
  ) async throws -> Attestor.Workload {
    try await requireRate(.process(pid: call.peer.pid), call, method)
    let workload = try await attest(call, method)
    try await requireRate(.workload(workload.service, uid: call.peer.uid), call, method)
    return workload
  }

  private func requireRate(
    _ key: IssuanceRate.Key, _ call: GRPCCall, _ method: SpiffeWorkloadAPI.Method
  ) async throws {
    guard rate.take(key, at: clock.now()) else {
      try await journal.refused(method, call.peer, Self.tooOften)
      // Stock clients wait after this status and come again.
      throw GRPCStatus.resourceExhausted("too many calls; ask less often")
    }
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
      try await journal.refused(method, call.peer, error.rawValue)
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
