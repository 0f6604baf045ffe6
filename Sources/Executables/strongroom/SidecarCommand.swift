import ArgumentParser
import Charters
import Chassis
import Commands
import Launcher
import OperatorCommands
import StrictJSON
import Vocabulary

struct SidecarCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sidecar", abstract: "Services in other languages: what runs, and how it is done.",
    discussion: """
      A service may be a program in any language, without a library of ours. Its charter says \
      'program: {command: [/usr/bin/python3, service.py]}', and 'up --with FOLDER' adds the folder \
      with charter.yaml, grants.yaml and program to the platform; nothing is built. Begin one with \
      'strongroom charter new NAME --program'; a whole one is Examples/greeter.

      The launcher starts two processes: strongroom-service --sidecar, which to everybody else is the \
      service (identity, mutual TLS, edges, tokens, idempotency, deadlines, audit, metrics, traces), \
      and the program, confined more tightly than code of ours: its own folder, one folder to keep things \
      in, no TCP at all.

      The program serves plain HTTP/1.1 on the Unix socket $STRONGROOM_SERVE. The sidecar adds, and \
      nobody else can send: Strongroom-Caller, -Operation, -Call (a handle of this request), with a \
      transaction token -Subject, -Client, -Scopes, -Purpose, with an idempotency key -Resource (an \
      id for what is made); Correlation-Id, traceparent, Request-Timeout-Ms. It answers with a \
      Content-Length or chunked, 4 MiB at most, in time. Any answer below 500 to GET /healthz says \
      that it is ready.

      It calls others by HTTP on the Unix socket $STRONGROOM_CALL: the service's name is the host, \
      and Strongroom-Call carries the handle, under which the sidecar adds correlation id, deadline \
      and transaction token. What the charters do not declare is refused and recorded.

      A sidecar cannot be started by hand: only what the launcher started gets an identity. So this \
      command starts nothing; it shows the sidecars of a running platform, and what each program \
      may call.
      """)

  @OptionGroup var place: PlaceOptions

  func run() async throws {
    try await reporting(json: place.json) {
      let (home, charters, _) = try place.running()
      let standings = ProgramStanding.all(charters, in: home).sorted { $0.key < $1.key }
      if place.json {
        return printLine(
          .object([
            "sidecars": .array(
              standings.map { service, standing in
                .object([
                  "service": .string("\(service)"), "program": standing.json,
                  "serve": .string(home.serveSocket(of: service)),
                  "call": .string(home.callSocket(of: service)),
                  "may_call": .array(Self.calls(of: charters[service]).map { .string($0) }),
                ])
              })
          ]))
      }
      guard !standings.isEmpty else {
        return print(
          "No sidecar runs. Try: \(place.printed.text("up", "--with", "Examples/greeter"))")
      }
      let alive = LaunchRecord.all(home).filter(\.isAlive)
      for (service, standing) in standings {
        let sidecar = alive.first { $0.service == service }?.pid
        print(Terminal.output.styled("\(service)", .bold))
        let process = sidecar.map { "strongroom-service --sidecar, pid \($0)" }
        print("  sidecar   " + (process ?? "does not run"))
        print(
          "  program   " + LegibleText.of(String(standing.line.drop { $0 != ":" }.dropFirst(2))))
        print("  serves    \(home.serveSocket(of: service))")
        print("  calls at  \(home.callSocket(of: service))")
        print("  may call  \(Self.calls(of: charters[service]).joined(separator: ", "))")
      }
    }
  }

  /// What the program itself may call; the outbox is the sidecar's.
  private static func calls(of charter: Charter?) -> [String] {
    let calls = charter?.calls.filter { $0.delivery == .request } ?? []
    return calls.flatMap { call in call.operations.map { "\(call.service).\($0)" } }
  }
}
