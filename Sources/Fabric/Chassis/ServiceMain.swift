import Faults
import Foundation
import NIOPosix
import Sandbox
import Storage
import Telemetry
import Transport
package import Vocabulary

/// The whole `main` of a service's executable: `strongroom-<service> --home DIR`, and of the sidecar, which is told whose
/// charter it is to keep: `strongroom-sidecar --home DIR --service NAME`.
/// Exit codes (sysexits.h): 0 drained · 64 wrong arguments · 65 the store is damaged · 69 the port is taken · 70 a
/// defect · 78 papers or keys are not in order.
package enum ServiceMain {
  /// - Parameter isSidecar: whether the service is named on the command line.
  package static func run<Subject: Service>(
    _ type: Subject.Type, isSidecar: Bool = false
  ) async -> Never {
    umask(0o077)
    signal(SIGPIPE, SIG_IGN)
    ExecLock.close()
    let arguments = CommandLine.arguments.dropFirst()
    if arguments == ["--version"] {
      print("strongroom-\(Subject.name) \(Subject.version)")
      exit(0)
    }
    let named = isSidecar ? serviceNamed(arguments.suffix(2)) : Subject.name
    guard arguments.count == (isSidecar ? 4 : 2), arguments.first == "--home", let name = named,
      let path = arguments.dropFirst().first
    else {
      let more = isSidecar ? " --service NAME" : ""
      let usage = "usage: strongroom-\(Subject.name) --home DIR\(more)\n"
      FileHandle.standardError.write(Data(usage.utf8))
      exit(64)
    }
    #if DEBUG
      Faults.shared.watch(folder: Home(path).dataFolder(of: Subject.name))
    #endif
    let clock = Clock.system
    let sink = LogSink.standardError
    let log = Log(service: name, sink: sink, clock: clock)
    let signals = Signals()
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let starting = Task {
      try await ServiceProcess.start(
        type, as: name, home: Home(path), group: group, log: log, clock: clock, randomness: .system)
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

  private static func serviceNamed(_ words: ArraySlice<String>) -> ServiceName? {
    words.first == "--service" ? words.last.flatMap { ServiceName($0) } : nil
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
