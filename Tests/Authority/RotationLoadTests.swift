import Authority
import Chassis
import NIOCore
import NIOPosix
import StrictJSON
import Synchronization
import TestKit
import Testing
import Transport
import Vocabulary
import Workload
import WorkloadIdentity

/// Callers that never pause, on connections that never grow old, while every key behind them is
/// replaced.
private struct Traffic {
  let chancery: Chancery
  let source: WorkloadSource
  let client: TransportClient
  let counts = Counts()

  final class Counts: Sendable {
    let answered = Atomic(0)
    let failures = Mutex<[String]>([])
    let isOver = Atomic(false)
    let chains = Mutex<Set<[UInt8]>>([])
  }

  init(_ chancery: Chancery) async throws {
    self.chancery = chancery
    source = try await chancery.source(as: "operator")
    let credentials = try MeshCredentials(source.current, clock: chancery.clock)
    let chains = counts
    source.onUpdate { fresh in
      // A certificate that the TLS library cannot read would show as failed requests.
      try? credentials.replace(with: fresh)
      chains.chains.withLock { _ = $0.insert(fresh.svid.chain[0]) }
    }
    var limits = TransportLimits()
    // Old connections would hide a broken rotation: nearly every request gets a new handshake.
    limits.connectionAgeMax = .milliseconds(20)
    client = TransportClient(
      credentials: credentials, limits: limits, group: MultiThreadedEventLoopGroup.singleton)
  }

  func run(callers: Int) async throws {
    let endpoint = try #require(chancery.process.context.endpoint(of: "authority"))
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<callers {
        group.addTask {
          while !counts.isOver.load(ordering: .relaxed) { await ask(endpoint) }
        }
      }
    }
  }

  private func ask(_ endpoint: ServiceEndpoint) async {
    let request = WireRequest(
      method: "GET", target: "/v1/bundle", headers: Headers(), body: ByteBuffer())
    do {
      let answer = try await client.send(
        request, to: endpoint, by: Deadline(chancery.clock.now() + .seconds(30)),
        isRepeatable: false)
      if answer.status == 200 {
        counts.answered.wrappingAdd(1, ordering: .relaxed)
      } else {
        counts.failures.withLock { $0.append("\(answer.status)") }
      }
    } catch {
      counts.failures.withLock { $0.append("\(error)") }
    }
  }
}

@Suite struct `Rotation under load` {
  @Test func `loses no request, neither of the issuer nor of the root`() async throws {
    let chancery = try await Chancery()
    let traffic = try await Traffic(chancery)
    let counts = traffic.counts
    async let load: Void = traffic.run(callers: 8)
    func pause() async throws { try await Task.sleep(for: .milliseconds(1_200)) }
    try await pause()
    for target in ["/v1/issuer/rotations", "/v1/roots/rotations"] {
      let answer = try await chancery.call("POST", target, as: "operator")
      #expect(answer.status == 201)
      try await pause()
    }
    // The published root comes into use.
    chancery.push(KeySchedule.lead)
    try await pause()
    try await pause()
    counts.isOver.store(true, ordering: .relaxed)
    try await load
    let answered = counts.answered.load(ordering: .relaxed)
    let failures = counts.failures.withLock { $0 }
    let renewed = counts.chains.withLock(\.count)
    print(
      "rotation under load: \(answered) requests, \(failures.count) failed, \(renewed) certificates"
    )
    #expect(failures.isEmpty)
    #expect(answered > 100 && renewed >= 3)
    traffic.source.close()
    await chancery.close()
  }
}
