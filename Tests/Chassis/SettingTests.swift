import Chassis
import NIOPosix
import Telemetry
import TestKit
import Testing
import Vocabulary

@Suite struct `A setting` {
  private struct Keeper: Service {
    static let name: ServiceName = "keeper"
    init(_ context: ServiceContext) async throws {
      guard context.settings.seconds("pause") == .seconds(9) else { throw Problem.defect }
    }
    var operations: [String: Handler] { [:] }
  }

  private static func start(_ settings: String) async throws {
    let place = try TestHome(charters: [
      "keeper.yaml": """
      apiVersion: strongroom/v1
      service: keeper
      summary: Keeps.
      port: 7001
      settings: [\(settings)]
      limits: {memory_mib: 64, open_files: 256, connections: 64}
      """
    ])
    defer { place.remove() }
    let authority = try MeshAuthority(at: Clock.system.now() - .seconds(60))
    let process = try await ServiceProcess.start(
      Keeper.self, home: place.home, group: MultiThreadedEventLoopGroup.singleton,
      log: Log(service: "keeper", sink: LogSink { _ in }, clock: .system), clock: .system,
      randomness: .system, credentials: .issued(by: authority))
    await process.drain()
  }

  private static let pause =
    "{name: pause, unit: seconds, min: 1, max: 10, default: 9, summary: A pause.}"

  @Test func `stands in charter and code, or the service does not start`() async throws {
    try await Self.start(Self.pause)
    let unread = Self.pause.replacing("pause,", with: "rest,")
    await #expect(throws: StartFailure.self) { try await Self.start("\(Self.pause), \(unread)") }
    await #expect(throws: (any Error).self) { try await Self.start("") }
  }
}
