import ArgumentParser
import Commands
import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import PolicyBundles
import PolicyDocuments
import PolicyEngine
import PolicyServer
import Telemetry
import Vocabulary

struct PolicyServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Answer OPA's REST API, so that clients of OPA need no change.",
    discussion: """
      Flags are those of 'opa run --server'. /v1/data, /v0/data, /v1/policies, /v1/query, /health, /v1/config, \
      /v1/status and /metrics; not /v1/compile. SIGTERM lets requests in flight finish.
      Exit codes: 0 stopped, 1 policies, data or a bundle are wrong, 64 the command line is, 71 the address is taken.
      """)

  @Argument(help: ArgumentHelp("Policy or data, file or folder.", valueName: "path"))
  var paths: [String] = []

  @Flag(name: .shortAndLong, help: "The paths are bundles: archives or folders.")
  var bundle = false

  @Flag(name: .shortAndLong, help: "Take bundles anew when their files change. Needs --bundle.")
  var watch = false

  @Option(name: .shortAndLong, help: ArgumentHelp("Where to listen.", valueName: "host:port"))
  var addr = "localhost:8181"

  @OptionGroup(title: "Who may ask") var access: PolicyAccess
  @OptionGroup(title: "Bundles") var signature: PolicySignature

  @Option(
    help: ArgumentHelp(
      "Decisions, one JSON object a line, without credentials and what data.system.log.mask names; - is standard output.",
      valueName: "file"))
  var decisionLog: String?

  @Option(help: "debug, info, warning or error.")
  var logLevel = LogLevel.info

  func validate() throws {
    let address = try ListenAddress(addr)
    try access.validate(address)
    guard !watch || bundle else { throw ValidationError("--watch needs --bundle") }
    guard signature.verificationKey == nil || bundle else {
      throw ValidationError("--verification-key needs --bundle")
    }
  }

  func run() async throws {
    let log = Log(
      service: "policy", level: logLevel, sink: .standardError, clock: .system)
    let service = try service(log)
    let bundles = try WatchedBundles(
      paths: bundle ? paths : [], verification: signature.verification(), service: service, log: log
    )
    let address = try ListenAddress(addr)
    let server: PolicyServer
    do {
      server = try await PolicyServer.listen(
        host: address.host, port: address.port, service: service,
        authentication: access.authentication, tls: try access.tls?.context(),
        group: MultiThreadedEventLoopGroup.singleton)
    } catch let error as IOError {
      throw endPolicy("\(addr) cannot be listened on: \(error)", code: 71)
    } catch {
      throw endPolicy("the TLS files cannot be used: \(error)", code: 1)
    }
    if !address.isLoopback, !access.isGuarded {
      log.warning("anybody who reaches this address may ask and change everything")
    }
    log.info(
      "the policy server listens",
      [
        "host": .text(address.host), "port": .count(server.port),
        "scheme": .id(access.tls == nil ? "http" : "https"),
      ])
    let watching = watch ? Task { await bundles.watch() } : nil
    await StopSignals().untilStop()
    log.info("the policy server stops")
    watching?.cancel()
    await server.drain(within: .seconds(10))
    await service.stop()
    LogSink.standardError.flush()
  }

  private func service(_ log: Log) throws -> PolicyService {
    var files = PolicyFiles()
    do {
      if !bundle { try files.add(paths: paths) }
      let labels: [(String, Value)] = [
        (
          "id",
          .string(
            ID<PolicyService>(at: Clock.system.now(), random: Randomness.system.bits128())
              .description)
        ),
        ("version", .string(buildVersion)),
      ]
      let settings: [(Value, Value)] = [
        (.string("labels"), .object(ObjectValue(labels.map { (Value.string($0.0), $0.1) }))),
        (.string("default_decision"), .string("/system/main")),
        (.string("default_authorization_decision"), .string("/system/authz/allow")),
      ]
      return PolicyService(
        try PolicyStore(modules: files.modules, data: files.data),
        authorization: access.authorization, labels: labels, version: buildVersion,
        settings: .object(ObjectValue(settings)),
        decisionLog: try decisionLog.map { try DecisionLog(file: $0, labels: labels, log: log) },
        clock: .system, randomness: .system)
    } catch let refusal as PolicyRefusal {
      guard refusal.errors.isEmpty else {
        throw endPolicy(PolicyErrors(errors: refusal.errors).shown(files.modules), code: 1)
      }
      throw endPolicy("\(refusal)", code: 1)
    } catch let error as PolicyFilesError {
      throw endPolicy("\(error)", code: 1)
    } catch let error as DecisionLogUnwritable {
      throw endPolicy("the decision log cannot be written: \(error)", code: 1)
    }
  }
}

/// SIGTERM and SIGINT.
private struct StopSignals {
  private let stream: AsyncStream<Void>
  private let sources: [any DispatchSourceProtocol]

  init() {
    let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
    self.stream = stream
    sources = [SIGTERM, SIGINT].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number)
      source.setEventHandler { continuation.yield() }
      source.resume()
      return source
    }
  }

  func untilStop() async { for await _ in stream { return } }
}
