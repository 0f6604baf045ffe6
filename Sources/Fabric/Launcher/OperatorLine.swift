package import Charters
package import Chassis
import Commands
import NIOCore
import NIOPosix
package import Telemetry
package import Transport
package import Vocabulary
import Workload

/// The operator's way to the services: its own SVID from the Workload API, then mutual TLS like
/// every other caller. An actor, because the line is made at the first call, when the authority may
/// still be starting.
package actor OperatorLine {
  /// Longest wait for one answer.
  package static let answerMax: Duration = .seconds(10)

  private let home: Home
  private let charters: CharterSet
  private let host: String
  private let portOffset: Int
  private let trustDomain: String
  private let log: Log
  private let clock: Clock
  private let firstFetchMax: Duration
  private var connecting: Task<TransportClient, any Error>?
  private var source: WorkloadSource?

  private let limits: TransportLimits

  /// Nothing is opened yet. `firstFetchMax` is how long to ask an authority that does not answer.
  package init(
    home: Home, platform: Platform, charters: CharterSet, log: Log, clock: Clock,
    firstFetchMax: Duration = .seconds(5), limits: TransportLimits = TransportLimits()
  ) {
    self.limits = limits
    self.home = home
    self.charters = charters
    host = platform.bind
    portOffset = platform.portOffset
    trustDomain = platform.trustDomain
    self.log = log
    self.clock = clock
    self.firstFetchMax = firstFetchMax
  }

  /// Gets our identity now, so that a refusal is told as such and not as silence of every service.
  /// - Throws: `OperatorFailure`.
  package func connect() async throws { _ = try await connected() }

  /// The connections themselves, for a load that must not queue at this actor.
  /// - Throws: `OperatorFailure`.
  package func transport() async throws -> TransportClient { try await connected() }

  /// Where a service listens; nil where no charter says so.
  package nonisolated func endpoint(of service: ServiceName) -> ServiceEndpoint? {
    guard let port = charters[service]?.port,
      let id = SpiffeID(trustDomain: trustDomain, service: service)
    else { return nil }
    return ServiceEndpoint(id: id, host: host, port: port + portOffset)
  }

  private func connected() async throws -> TransportClient {
    // Callers that come together share one attempt; after a failure the next caller tries anew.
    let attempt = connecting ?? Task { try await open() }
    connecting = attempt
    do {
      return try await attempt.value
    } catch {
      if connecting == attempt { connecting = nil }
      throw OperatorFailure(
        "the authority gives this command no identity (\(error)). If it was built or moved since 'up', "
          + "run 'strongroom down' and 'strongroom up' again",
        .refused)
    }
  }

  private func open() async throws -> TransportClient {
    let source = try await WorkloadSource.connect(
      socket: home.workloadSocket, log: log, firstFetchMax: firstFetchMax)
    let credentials = try MeshCredentials(source.current, clock: clock)
    source.onUpdate { try? credentials.replace(with: $0) }
    self.source = source
    return TransportClient(
      credentials: credentials, limits: limits, group: MultiThreadedEventLoopGroup.singleton)
  }

  /// Sends one request to a service. GET is repeated when the connection was lost, others are not.
  /// - Throws: `TransportFailure`, or `OperatorFailure` while the authority gives no identity.
  package func send(
    _ method: HTTPMethod, _ target: String, to service: ServiceName, headers: Headers = [:],
    body: [UInt8] = [], within limit: Duration = OperatorLine.answerMax
  ) async throws -> (status: Int, headers: Headers, body: [UInt8]) {
    guard let endpoint = endpoint(of: service) else { throw TransportFailure.unreachable }
    let request = WireRequest(
      method: method.rawValue, target: target, headers: headers, body: ByteBuffer(bytes: body))
    let answer = try await connected().send(
      request, to: endpoint, by: Deadline(clock.now() + limit), isRepeatable: method == .get)
    return (answer.status, answer.headers, Array(answer.body.readableBytesView))
  }

  /// Whether the service says that it is ready. Does not knock before somebody listens at its port,
  /// so that starting slowly does not look like failing.
  package func isReady(_ service: ServiceName) async throws -> Bool {
    guard let port = charters[service]?.port, ProcessTable.isListening(port + portOffset) else {
      return false
    }
    return try await send(.get, "/readyz", to: service, within: .seconds(2)).status == 200
  }

  /// Whether the service still says anything, be it that it is not ready.
  package func answers(_ service: ServiceName) async -> Liveness.Answer {
    do {
      _ = try await send(.get, "/readyz", to: service, within: Liveness.answerMax)
      return .answered
    } catch TransportFailure.deadlineExceeded, TransportFailure.unreachable {
      return .silent
    } catch {
      return .unknown
    }
  }
}
