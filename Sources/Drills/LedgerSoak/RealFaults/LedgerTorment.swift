import Foundation
import Glibc
import Storage
package import Vocabulary

/// Torments real writers: processes of their own on a real disk, killed, paused, and with the power cut.
package struct LedgerTorment {
  /// What was done, and what did not hold.
  package struct Report: Sendable {
    package var rounds = 0
    package var answered = 0
    package var transfers: Int64 = 0
    package var complaints: [String] = []

    mutating func add(_ verdict: SoakVerdict, _ what: String) {
      rounds += 1
      answered += verdict.answered
      transfers = max(transfers, verdict.transfers)
      complaints += verdict.complaints.prefix(3).map { "\(what): \($0)" }
    }
  }

  static let callers = 8
  /// Times that a writer is started on a failing disk before its first answer.
  static let startsMax: UInt64 = 20
  private let program: String
  private let preload: String
  private let folder: String
  private let clock: Clock
  private let seed: UInt64

  /// - Parameters:
  ///   - binaries: the folder with `strongroom-lab` and `libstrongroom-powercut.so`.
  ///   - folder: on the disk to use; made, and removed by `remove`.
  package init(binaries: String, folder: String, clock: Clock, seed: UInt64) throws {
    program = "\(binaries)/strongroom-lab"
    preload = "\(binaries)/libstrongroom-powercut.so"
    self.folder = folder
    self.clock = clock
    self.seed = seed
    for file in [program, preload] where access(file, R_OK) != 0 { throw SoakFailure.file(file) }
    try Self.make(folder)
  }

  package func remove() { try? FileManager.default.removeItem(atPath: folder) }

  private static func make(_ folder: String) throws {
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
  }

  // MARK: a writer

  private func start(in home: String, _ environment: [String: String] = [:]) throws -> Process {
    let writer = Process()
    writer.executableURL = URL(filePath: program)
    writer.arguments = ["soak", "ledger-writer", "--folder", home, "--callers", "\(Self.callers)"]
    writer.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    writer.standardOutput = FileHandle.nullDevice
    try writer.run()
    return writer
  }

  /// Waits until a writer has answered more than before.
  private func hear(_ writer: Process, in home: String, beyond count: Int) async throws {
    let end = clock.now() + .seconds(30)
    while Acknowledgements(path: SoakWriter.answers(in: home)).accepted.count <= count {
      guard writer.isRunning, clock.now() < end else {
        throw SoakFailure.start(
          "no answer; exit code \(writer.isRunning ? 0 : writer.terminationStatus)")
      }
      try await Task.sleep(for: .milliseconds(10))
    }
  }

  /// A writer that has answered. On a failing disk a start may fail, and is tried again, as the launcher does.
  private func startHeard(
    in home: String, _ environment: [String: String], _ seed: UInt64
  ) async throws -> Process {
    var attempt: UInt64 = 0
    while true {
      let own = ["STRONGROOM_POWERCUT_SEED": "\(seed &+ attempt)"]
      let writer = try start(in: home, environment.merging(own) { $1 })
      do {
        try await hear(writer, in: home, beyond: 0)
        return writer
      } catch {
        kill(writer)
        attempt += 1
        if attempt == Self.startsMax { throw error }
      }
    }
  }

  private func kill(_ writer: Process) {
    Glibc.kill(writer.processIdentifier, SIGKILL)
    writer.waitUntilExit()
  }

  // MARK: kills and pauses

  /// Kills one writer after the other on the same books, at random moments; some are paused before, and nobody
  /// else may take the books meanwhile.
  package func kills(_ rounds: Int) async throws -> Report {
    var report = Report()
    var random = RandomBatches(seed: seed)
    let home = "\(folder)/kills"
    try Self.make(home)
    for round in 1...max(1, rounds) {
      let before = Acknowledgements(path: SoakWriter.answers(in: home)).accepted.count
      let writer = try start(in: home)
      defer { if writer.isRunning { kill(writer) } }
      try await hear(writer, in: home, beyond: before)
      try await Task.sleep(for: .milliseconds(random.below(400)))
      if random.chance(40) {
        Glibc.kill(writer.processIdentifier, SIGSTOP)
        try await Task.sleep(for: .milliseconds(100))
        if let complaint = takeover(of: home) { report.complaints.append(complaint) }
        if random.chance(50) {
          Glibc.kill(writer.processIdentifier, SIGCONT)
          try await Task.sleep(for: .milliseconds(random.below(200)))
        }
      }
      kill(writer)
      report.add(try await verdict(home), "kill \(round), seed \(seed)")
      guard report.complaints.isEmpty else { break }
    }
    return report
  }

  private func takeover(of home: String) -> String? {
    do throws(StoreError) {
      let store = try Store.open(
        path: SoakWriter.store(in: home), migrations: [], clock: clock)
      store.close()
      return "a paused writer lost its books"
    } catch {
      if case .inUse = error { return nil }
      return "a paused writer's books: \(error)"
    }
  }

  private func verdict(_ home: String) async throws -> SoakVerdict {
    try await SoakVerdict(
      folder: home, answers: Acknowledgements(path: SoakWriter.answers(in: home)), clock: clock)
  }

  // MARK: power

  /// Lets a writer work for a while with every write recorded, and then looks at the disk as power cuts at many
  /// moments would have left it.
  /// - Parameters:
  ///   - faults: one in so many writes and syncs fails while it works; 0 for none.
  ///   - manner: a disk that lies must be noticed, or this looks at nothing.
  package func powerCuts(
    _ cuts: Int, working span: Duration, faults: Int = 0, manner: DiskImage.Manner = .honest
  ) async throws -> Report {
    let own = "\(folder)/power-\(faults)-\(manner)"
    let home = "\(own)/home"
    try Self.make(home)
    let path = "\(own)/trace"
    let environment = [
      "LD_PRELOAD": preload, "STRONGROOM_POWERCUT_ROOT": home, "STRONGROOM_POWERCUT_TRACE": path,
      "STRONGROOM_POWERCUT_FAULTS": "\(faults)",
    ]
    let writer = try await startHeard(in: home, environment, seed)
    defer { if writer.isRunning { kill(writer) } }
    try await Task.sleep(for: span)
    guard writer.isRunning else { throw SoakFailure.start("it ended by itself") }
    kill(writer)
    defer { try? FileManager.default.removeItem(atPath: own) }
    return try await look(at: DiskTrace(path: path), cuts, manner, home)
  }

  private func look(
    at trace: DiskTrace, _ cuts: Int, _ manner: DiskImage.Manner, _ home: String
  ) async throws -> Report {
    var report = Report()
    var random = RandomBatches(seed: seed &+ 1)
    var image = DiskImage(
      trace, manner: manner, seed: seed &+ 2, watching: SoakWriter.answers(in: home))
    let moments = (0..<cuts).map { _ in random.below(trace.count + 1) }.sorted()
    for moment in moments {
      image.advance(to: moment)
      let left = image.cut()
      let copy = "\(home)-after"
      try Self.make(copy)
      defer { try? FileManager.default.removeItem(atPath: copy) }
      for (path, content) in left where path.hasPrefix(home + "/") {
        let file = copy + path.dropFirst(home.count)
        try Self.make(String(file[..<(file.lastIndex(of: "/") ?? file.endIndex)]))
        try Data(content).write(to: URL(filePath: file))
      }
      let answers = Acknowledgements(image.seen)
      let what = "power cut after \(moment) of \(trace.count) writes, seed \(seed)"
      do {
        report.add(try await SoakVerdict(folder: copy, answers: answers, clock: clock), what)
      } catch {
        report.rounds += 1
        report.complaints.append("\(what): \(error)")
      }
      guard report.complaints.isEmpty else { break }
    }
    return report
  }
}
