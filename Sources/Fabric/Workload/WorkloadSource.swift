import Crypto
import FoundationEssentials
import SwiftProtobuf
import Synchronization
package import Telemetry
import Vocabulary
import WorkloadAPI
package import WorkloadIdentity
import X509

/// A workload's standing line to the authority: gets its X.509-SVID and bundle, keeps them fresh,
/// and reconnects. A class, because one stream feeds everybody in the process who needs the current
/// credentials.
package final class WorkloadSource: Sendable {
  /// Pauses between attempts, doubling from the first to the last, with a little jitter.
  package static let pauseMin: Duration = .milliseconds(50)
  package static let pauseMax: Duration = .seconds(5)
  /// Longest wait for a JWT-SVID.
  package static let callMax: Duration = .seconds(5)
  /// Listeners of one source.
  package static let listenersMax = 64

  private struct State {
    var credentials: WorkloadCredentials
    var listeners: [@Sendable (WorkloadCredentials) -> Void] = []
    var follower: Task<Void, Never>?
  }

  private let state: Mutex<State>
  private let socket: String
  private let log: Log

  private init(_ credentials: WorkloadCredentials, socket: String, log: Log) {
    state = Mutex(State(credentials: credentials))
    self.socket = socket
    self.log = log
  }

  /// Waits for the first credentials, then goes on following in the background until `close`.
  /// - Parameter firstFetchMax: how long an authority that is still starting, or does not know us
  ///   yet, is asked again.
  /// - Throws: `WorkloadFailure` with the last reason.
  package static func connect(
    socket: String, log: Log, firstFetchMax: Duration = .seconds(15)
  ) async throws -> WorkloadSource {
    let end = ContinuousClock.now + firstFetchMax
    var pause = Pause()
    var known: WorkloadFailure?
    while true {
      do {
        let source = try await withTimeout(end - ContinuousClock.now) {
          try await first(socket: socket, log: log)
        }
        return source
      } catch {
        // An attempt that our own clock ended says less than the answer before it.
        let isOurs = error as? GRPCStatus == .deadlineExceeded
        let failure = isOurs ? known ?? .notReachable : WorkloadFailure(error)
        known = failure
        guard ContinuousClock.now + pause.next < end, failure != .pathTooLong else { throw failure }
        log.debug("waiting for the authority", ["reason": .id(failure.rawValue)])
        try await Task.sleep(for: pause.take())
      }
    }
  }

  /// The newest credentials.
  package var current: WorkloadCredentials { state.withLock { $0.credentials } }

  /// Calls `body` for every later update, in order, until the process ends; also when only the
  /// bundle changed. Listeners beyond `listenersMax` are a defect and trap.
  package func onUpdate(_ body: @escaping @Sendable (WorkloadCredentials) -> Void) {
    state.withLock {
      precondition($0.listeners.count < Self.listenersMax, "too many listeners for credentials")
      $0.listeners.append(body)
    }
  }

  /// A JWT-SVID of ours for `audience` (1 or more), in compact form.
  /// - Throws: `GRPCStatus`, or the system's error when the authority is not there.
  package func jwt(audience: [String]) async throws -> String {
    let client = try await GRPCClient.connect(path: socket)
    defer { client.close() }
    let request = WorkloadJWTSVIDRequest.with { $0.audience = audience }
    let bytes = try await client.call(
      SpiffeWorkloadAPI.Method.fetchJWTSVID.rawValue, try request.serializedBytes(),
      metadata: [SpiffeWorkloadAPI.securityHeader], timeout: Self.callMax)
    let answer = try WorkloadJWTSVIDResponse(serializedBytes: bytes)
    guard let token = answer.svids.first?.svid else { throw GRPCStatus.internalError }
    return token
  }

  /// Stops following. The last credentials stay readable.
  package func close() { state.withLock { $0.follower?.cancel() } }

  private static func first(socket: String, log: Log) async throws -> WorkloadSource {
    let client = try await GRPCClient.connect(path: socket)
    // Also where it is refused: it comes again, and the authority gives a process a few connections.
    defer { client.close() }
    var answers = updates(of: client).makeAsyncIterator()
    guard let bytes = try await answers.next() else {
      throw GRPCStatus.unavailable("the stream ended")
    }
    let source = WorkloadSource(try credentials(from: bytes), socket: socket, log: log)
    source.follow()
    return source
  }

  private static func updates(of client: GRPCClient) -> AsyncThrowingStream<[UInt8], any Error> {
    client.messages(
      SpiffeWorkloadAPI.Method.fetchX509SVID.rawValue, [],
      metadata: [SpiffeWorkloadAPI.securityHeader])
  }

  private func follow() {
    let follower = Task {
      var pause = Pause()
      while !Task.isCancelled {
        do {
          let client = try await GRPCClient.connect(path: socket)
          defer { client.close() }
          for try await bytes in Self.updates(of: client) {
            receive(try Self.credentials(from: bytes))
            pause = Pause()
          }
        } catch is CancellationError {
          return
        } catch {
          log.warning(
            "the authority is not reachable; the current certificate stays in use",
            ["reason": .id(WorkloadFailure(error).rawValue)])
        }
        try? await Task.sleep(for: pause.take())
      }
    }
    state.withLock { $0.follower = follower }
  }

  private func receive(_ fresh: WorkloadCredentials) {
    let listeners = state.withLock { state in
      let isSame =
        state.credentials.svid.chain == fresh.svid.chain
        && state.credentials.bundle.authorityBytes == fresh.bundle.authorityBytes
      guard !isSame else { return [@Sendable (WorkloadCredentials) -> Void]() }
      state.credentials = fresh
      return state.listeners
    }
    guard !listeners.isEmpty else { return }
    log.info("credentials renewed", ["until": .id(fresh.svid.notAfter)])
    for listener in listeners { listener(fresh) }
  }

  /// Reads an answer of the Workload API; believes nothing that does not fit together.
  static func credentials(from bytes: [UInt8]) throws -> WorkloadCredentials {
    let answer = try WorkloadX509SVIDResponse(serializedBytes: bytes)
    guard let svid = answer.svids.first, let id = SpiffeID(svid.spiffeID),
      let chain = [[UInt8]](concatenatedDER: svid.x509Svid, limit: TrustBundle.authoritiesMax),
      let authorities = [[UInt8]](concatenatedDER: svid.bundle, limit: TrustBundle.authoritiesMax),
      !authorities.isEmpty
    else { throw WorkloadFailure.malformedAnswer }
    let certificates = try CertificatePath.parse(chain)
    let key = try P256.Signing.PrivateKey(derRepresentation: svid.x509SvidKey)
    // `parse` refuses an empty chain.
    guard try PeerVerifier.identity(ofLeaf: certificates[0]) == id,
      certificates[0].publicKey == Certificate.PublicKey(key.publicKey)
    else { throw WorkloadFailure.malformedAnswer }
    return WorkloadCredentials(
      svid: X509SVID(
        id: id, chain: chain, privateKey: key, notBefore: Instant(certificates[0].notValidBefore),
        notAfter: Instant(certificates[0].notValidAfter)),
      bundle: try TrustBundle(trustDomain: id.trustDomain, der: authorities))
  }
}

/// Why there are no credentials; each has one line for a person.
package enum WorkloadFailure: String, Error, Hashable, Sendable, CustomStringConvertible {
  case pathTooLong = "socket-path-too-long"
  case notReachable = "authority-not-reachable"
  case denied = "authority-does-not-know-this-process"
  case malformedAnswer = "malformed-answer"

  init(_ error: any Error) {
    switch error {
    case let failure as WorkloadFailure: self = failure
    case GRPCSocketError.pathTooLong: self = .pathTooLong
    case let status as GRPCStatus where status.code == GRPCStatus.permissionDeniedCode:
      self = .denied
    case is PeerRefusal, is BinaryDecodingError: self = .malformedAnswer
    default: self = .notReachable
    }
  }

  package var description: String {
    switch self {
    case .pathTooLong:
      "the path of authority.sock is too long (\(GRPCServer.pathBytesMax) bytes); shorten --home"
    case .notReachable:
      "the authority gives no certificate on its socket; is `strongroom up` running, and is there room on the disk? "
        + "(log/authority.log says more)"
    case .denied: "the authority does not know this process; start it with `strongroom up`"
    case .malformedAnswer: "the authority's answer does not fit together"
    }
  }
}

/// Doubling pauses with up to a quarter of jitter, so that restarted services do not knock in step.
struct Pause {
  private(set) var next = WorkloadSource.pauseMin

  mutating func take() -> Duration {
    let jitter = Int64.random(in: 0...max(1, next.nanoseconds / 4))
    let pause = next + .nanoseconds(jitter)
    next = min(next * 2, WorkloadSource.pauseMax)
    return pause
  }
}

/// Runs `body`, and gives up after `limit` by cancelling it.
func withTimeout<T: Sendable>(
  _ limit: Duration, _ body: @escaping @Sendable () async throws -> T
) async throws -> T {
  try await withThrowingTaskGroup(of: T.self) { group in
    group.addTask { try await body() }
    group.addTask {
      try await Task.sleep(for: limit)
      throw GRPCStatus.deadlineExceeded
    }
    defer { group.cancelAll() }
    guard let first = try await group.next() else { throw CancellationError() }
    return first
  }
}
