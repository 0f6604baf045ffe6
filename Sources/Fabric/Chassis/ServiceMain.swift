import Faults
import Foundation
import NIOPosix
import Sandbox
import Storage
import Telemetry
import Transport
package import Vocabulary

/// The whole `main` of the program that runs services: `strongroom-service --home DIR --service NAME`, or `--sidecar NAME`
/// where the service is somebody else's program and only its charter is kept here. `--home DIR --move NAME` takes a service's
/// store to a server and ends, see `StoreTransfer`.
/// Exit codes (sysexits.h): 0 drained · 64 wrong arguments · 65 the store is damaged · 69 the port is taken · 70 a
/// defect · 78 papers or keys are not in order.
package enum ServiceMain {
  /// - Parameter sidecar: what stands for a service that is not one of `services`; nil in a service's own program.
  package static func run(
    _ services: [any Service.Type], sidecar: (any Service.Type)? = nil
  ) async -> Never {
    umask(0o077)
    signal(SIGPIPE, SIG_IGN)
    ExecLock.close()
    LargeBlocks.returnToKernel()
    let arguments = Array(CommandLine.arguments.dropFirst())
    if arguments == ["--version"] {
      for service in services { print("\(service.name) \(service.version)") }
      exit(0)
    }
    guard arguments.count == 4, arguments[0] == "--home", let name = ServiceName(arguments[3])
    else { misused(services) }
    switch arguments[2] {
    case "--service":
      guard let service = services.first(where: { $0.name == name }) else { misused(services) }
      await run(service, as: name, home: Home(arguments[1]))
    case StoreTransfer.word:
      guard let service = services.first(where: { $0.name == name }) else { misused(services) }
      await move(service, Home(arguments[1]))
    case "--sidecar":
      guard let sidecar else { misused(services) }
      await run(sidecar, as: name, home: Home(arguments[1]))
    default: misused(services)
    }
  }

  private static func misused(_ services: [any Service.Type]) -> Never {
    let names = services.map { "\($0.name)" }.joined(separator: ", ")
    let usage = """
      usage: strongroom-service --home DIR (--service NAME | --sidecar NAME | --move NAME)
      services of this build: \(names)

      """
    FileHandle.standardError.write(Data(usage.utf8))
    exit(64)
  }

  private static func run<Subject: Service>(
    _ type: Subject.Type, as name: ServiceName, home: Home
  ) async -> Never {
    #if DEBUG
      Faults.shared.watch(folder: home.dataFolder(of: name))
    #endif
    let clock = Clock.system
    let sink = LogSink.standardError
    let log = Log(service: name, sink: sink, clock: clock)
    let signals = Signals()
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let starting = Task {
      try await ServiceProcess.start(
        type, as: name, home: home, group: group, log: log, clock: clock, randomness: .system)
    }
    // Also one that is still starting: a standby may wait for days.
    let stopping = Task {
      await signals.untilStop()
      starting.cancel()
    }
    do {
      let process = try await starting.value
      let watch = Task {
        await process.context.store.untilDeposed()
        guard !Task.isCancelled else { return }
        log.error("another process has taken the store over", ["exit": .count(75)])
        sink.flush()
        exit(75)
      }
      // Landlock grants a folder, not a name: in the place of one that was taken away only a new process may read.
      let policies = Task {
        await process.context.policy.untilShutOut()
        guard !Task.isCancelled else { return }
        log.error("the folder of the access policies is another one", ["exit": .count(75)])
        sink.flush()
        exit(75)
      }
      await stopping.value
      watch.cancel()
      policies.cancel()
      await process.drain()
      sink.flush()
      exit(0)
    } catch is CancellationError {
      log.info("stopped before it was ready")
      sink.flush()
      exit(0)
    } catch {
      let (code, hint) = verdict(on: error)
      log.error(
        "cannot start", ["why": .text("\(error)"), "hint": .text(hint), "exit": .count(code)])
      sink.flush()
      exit(code)
    }
  }

  /// Says on standard output how many rows were carried, and nothing where there is no file.
  private static func move<Subject: Service>(_ type: Subject.Type, _ home: Home) async -> Never {
    let sink = LogSink.standardError
    let log = Log(service: Subject.name, sink: sink, clock: .system)
    do {
      let rows = try await StoreTransfer.run(
        type, home: home, log: log, clock: .system, randomness: .system)
      if let rows { print(rows) }
      sink.flush()
      exit(0)
    } catch {
      // One line, for whoever asked for it.
      FileHandle.standardError.write(Data("\(error)\n".utf8))
      exit(verdict(on: error).code)
    }
  }

  private static func verdict(on error: any Error) -> (code: Int32, hint: String) {
    switch error {
    case let failure as StartFailure: (failure.isPassing ? 75 : 78, failure.hint)
    case let taken as PortTaken:
      (69, "stop what listens on port \(taken.port), or use --port-offset")
    case StoreError.corrupt:
      (65, "restore the newest backup of this store; nothing was written to it")
    case StoreError.unreachable:
      (75, "the next attempt may do; start the server, or correct where it is")
    case StoreError.notAdmitted, StoreError.unsuitable, StoreError.migratedByNewer:
      (78, "the line above says what to change")
    default: (70, "see the line above; this is a defect, please report it")
    }
  }
}

extension Clock {
  /// The system's real-time clock.
  package static let system = Clock {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    var nanoseconds = Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    #if DEBUG
      nanoseconds += Faults.shared.clockOffset
    #endif
    return Instant(nanoseconds: nanoseconds)
  }
}

/// SIGTERM, SIGINT, and the death of the parent all mean: drain.
private struct Signals {
  private let stream: AsyncStream<Void>
  private let sources: [any DispatchSourceProtocol]

  init() {
    let parent = getppid()
    let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
    self.stream = stream
    let queue = DispatchQueue(label: "strongroom.signals")
    var sources: [any DispatchSourceProtocol] = []
    for number in [SIGTERM, SIGINT] {
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler { continuation.yield() }
      source.resume()
      sources.append(source)
    }
    // A launcher that was killed can no longer stop us: whoever lost its parent leaves in good order.
    let timer = DispatchSource.makeTimerSource(queue: queue)
    timer.schedule(deadline: .now() + 1, repeating: 1)
    timer.setEventHandler { if getppid() != parent { continuation.yield() } }
    timer.resume()
    sources.append(timer)
    self.sources = sources
  }

  func untilStop() async { for await _ in stream { return } }
}
