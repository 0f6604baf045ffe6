import Charters
package import Chassis
import HTTPLine
import NIOCore
import Telemetry
import Transport
package import Vocabulary

/// The mesh end of a program that knows nothing of the mesh: to everybody else this is the service.
/// Identity, mutual TLS, edges, tokens, idempotency, deadlines, audit and telemetry come from the
/// chassis as for any other; each operation's handler is a plain HTTP request to the program.
package struct SidecarService: Service {
  /// What it is, not whose; the service's own name is in its charter.
  package static let name: ServiceName = "sidecar"

  /// Longest wait for the program to say that it is there.
  static let healthMax: Duration = .seconds(1)

  /// Whatever a program makes for one request: only the id is ours.
  private enum Made {}

  private let context: ServiceContext
  private let line: ProgramLine
  private let open: OpenCalls
  private let door: OpenDoor

  package init(_ context: ServiceContext) async throws {
    guard context.charter.program != nil else {
      throw StartFailure(
        "the charter of \(context.service) names no program",
        hint: "program: {command: [/usr/bin/python3, service.py]}")
    }
    self.context = context
    let open = OpenCalls(randomness: context.randomness)
    self.open = open
    line = ProgramLine(
      socket: context.home.serveSocket(of: context.service), group: context.group,
      clock: context.clock)
    let outbound = Outbound(context, open: open)
    door = try await OutboundDoor.open(
      context.home.callSocket(of: context.service), bodyMax: Outbound.bodyMax(context),
      group: context.group
    ) { await outbound.answer($0) }
  }

  package var operations: [String: Handler] {
    Dictionary(
      context.charter.operations.map { operation in
        let handler: Handler = { call in try await self.forward(call) }
        return (operation.id, handler)
      }, uniquingKeysWith: { $1 })
  }

  package func run() async throws {
    // The door stays open to the last: a drain lets requests in flight make their calls.
    while !Task.isCancelled { try? await Task.sleep(for: .seconds(3_600)) }
    await door.drain(within: .zero)
  }

  /// Whether the program answers, whatever it says to `GET /healthz`, and does not call itself broken.
  package var isReady: Bool {
    get async {
      let request = WireRequest(method: "GET", target: "/healthz")
      let deadline = Deadline(context.clock.now() + Self.healthMax)
      guard let answer = try? await line.send(request, by: deadline) else { return false }
      return answer.status < 500
    }
  }

  private func forward(_ call: Call) async throws -> Answer {
    let token = call.transaction
    let handle = open.open(
      OpenCalls.Entry(
        context: call.forwarding, subject: token?.subject, client: token?.clientID))
    defer { open.close(handle) }
    let person = token.map {
      ProgramRequest.Person(
        subject: $0.subject, client: $0.clientID,
        scopes: $0.scopes.sorted().map(\.description), purpose: $0.purpose)
    }
    let claim = call.idempotency.map {
      (key: $0.key.description, resource: $0.resource(ID<Made>.self).description)
    }
    let proven = ProgramRequest.Proven(
      caller: call.caller, operation: call.operation.id, handle: handle,
      correlation: call.correlation, traceparent: call.trace.traceparent,
      remaining: call.deadline.remaining(at: context.clock.now()), person: person, claim: claim)
    let request = WireRequest(
      method: call.operation.method.rawValue, target: call.target,
      headers: ProgramRequest.headers(proven, given: call.headers),
      body: ByteBuffer(bytes: call.body))
    do throws(ProgramFailure) {
      let answer = try await line.send(request, by: call.deadline)
      return try ProgramAnswer.judge(
        status: answer.status, headers: answer.headers,
        body: Array(answer.body.readableBytesView))
    } catch {
      context.log.with(correlation: call.correlation, operation: call.operation.id).warning(
        "the program gave no usable answer", ["why": .id("\(error)")])
      throw error.problem
    }
  }
}
