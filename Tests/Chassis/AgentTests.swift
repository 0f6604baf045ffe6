import AuditAPI
import Chassis
import NIOCore
import NIOPosix
import PolicyBundles
import PolicyEngine
import PolicyServer
import Storage
import StrictJSON
import Telemetry
import TestKit
import Testing
import Transport
import Vocabulary

/// A policy server on this machine, with the platform's own policies or others: to services it is an Open Policy Agent.
private struct Agent {
  let service: PolicyService
  let server: PolicyServer

  init(_ modules: [(file: String, source: String)]) async throws {
    let draft = try TestPolicies.shipped.get()
    service = PolicyService(
      try PolicyStore(
        modules: modules.isEmpty ? draft.distributed.modules : modules,
        data: draft.distributed.data, limits: PolicyServerLimits()),
      authorization: .off, labels: [("id", .string("agent"))], version: "1",
      decisionLog: DecisionLog(
        labels: [("id", .string("agent"))],
        log: Log(service: "policy", sink: LogSink { _ in }, clock: .system)
      ) { _ in true }, clock: .system, randomness: .system)
    server = try await PolicyServer.listen(
      host: "127.0.0.1", port: 0, service: service, authentication: .off, tls: nil,
      group: MultiThreadedEventLoopGroup.singleton)
  }

  var url: String { "http://127.0.0.1:\(server.port)" }

  func stop() async {
    await server.drain(within: .zero)
    await service.stop()
  }
}

@Suite(.serialized) struct `An agent that decides about access` {
  private func greet(_ street: Street) async throws -> WireResponse {
    try await street.send(#"{"name":"Ada"}"#, to: "/v1/greetings")
  }

  private func slug(_ response: WireResponse) -> String? {
    (try? JSON.parse(Array(response.body.readableBytesView)))?["type"]?.string.map {
      String($0.dropFirst(Problem.typePrefix.count))
    }
  }

  private func records(_ street: Street) async throws -> [AuditRecord] {
    try await street.process.context.outbox.batch(of: AuditOperations.topic).messages.map {
      try StrictJSON.decode(AuditRecord.self, from: $0.body)
    }.filter { $0.kind == .access }
  }

  @Test func `is asked in the place of our own engine, and its decision is on record`() async throws
  {
    let agent = try await Agent([])
    let street = try await Street(policyURL: agent.url)
    #expect(try await greet(street).status == 200)
    let kept = try await records(street)
    let decider = try #require(kept.first?.detail["policy"])
    #expect(decider.hasPrefix("opa/") && decider.count > 10)
    await street.close()
    await agent.stop()
  }

  @Test func `refuses by its rules`() async throws {
    let agent = try await Agent([
      (
        file: "a.rego",
        source: """
        package strongroom.access
        decision := {"allow": false, "refusals": [{"rule": "sunday", "why": "nobody works"}]}
        """
      )
    ])
    let street = try await Street(policyURL: agent.url)
    let answer = try await greet(street)
    #expect(answer.status == 403 && slug(answer) == "policy-refused")
    #expect(try await records(street).last?.detail["rule"] == "sunday")
    await street.close()
    await agent.stop()
  }

  @Test(arguments: ["package other", "package strongroom.access\ndecision := \"yes\""])
  func `allows nothing where it has no decision`(_ source: String) async throws {
    let agent = try await Agent([(file: "a.rego", source: source)])
    let street = try await Street(policyURL: agent.url)
    let answer = try await greet(street)
    #expect(answer.status == 503 && slug(answer) == "policy-undecided")
    await street.close()
    await agent.stop()
  }

  @Test func `allows nothing while it is gone`() async throws {
    let street = try await Street(policyURL: "http://127.0.0.1:\(try TestPorts.offset())")
    let answer = try await greet(street)
    #expect(answer.status == 503 && slug(answer) == "policy-undecided")
    #expect(try await records(street).last?.reason == "policy-undecided")
    await street.close()
  }
}
