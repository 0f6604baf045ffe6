import ArgumentParser
import Chassis
import Commands
import Foundation
import Launcher
import LedgerSoak
import OperatorCommands
import Vocabulary

struct SoakCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "soak",
    abstract:
      CommandAbstract.soak,
    subcommands: [
      PlatformSoakCommand.self, LedgerSoakCommand.self, LedgerWriterCommand.self,
      PolicySoakCommand.self, LongLogCommand.self,
    ])
}

struct LedgerSoakCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ledger",
    abstract: "Simulated and real faults against the ledger's books, until the time is up.",
    discussion: """
      Simulated: the real book and journal over a disk that fails, beside a model, seed after seed.
      Real: writers with processes of their own on this disk, killed and paused at random moments, their \
      disk rebuilt as a power cut at any moment may have left it, writes and syncs that fail.
      Needs no running platform. Ends at the first thing that does not hold, and says how to see it again.
      """)

  @Option(help: "Hours to go on.")
  var hours: Double?

  @Option(help: "Only this seed of the simulation, once.")
  var seed: UInt64?

  @Option(
    help: ArgumentHelp(
      "Folder on the disk to use; a new one is made in it and removed.", valueName: "dir"))
  var folder = "."

  func validate() throws {
    guard (hours ?? 1) > 0, (hours ?? 1) <= 10_000 else {
      throw ValidationError("--hours must be more than 0")
    }
  }

  func run() async throws {
    try await reporting(json: false) {
      if let seed {
        if let complaint = LedgerSimulation.run(seed) {
          throw OperatorFailure("seed \(seed): \(complaint)", .failed)
        }
        return print("seed \(seed): nothing found")
      }
      let clock = Clock.system
      let end = clock.now() + .milliseconds(Int64((hours ?? 0.02) * 3_600_000))
      async let simulated = Self.simulate(until: end, clock)
      var failure = try await torment(until: end, clock)
      failure = await simulated ?? failure
      if let failure { throw OperatorFailure(failure, .failed) }
      print("nothing found")
    }
  }

  /// Seeds that nobody has tried, on a thread of its own.
  private static func simulate(until end: Instant, _ clock: Clock) async -> String? {
    await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        let first = Randomness.system.next() >> 16
        var count: UInt64 = 0
        var told = clock.now()
        while clock.now() < end {
          if let complaint = LedgerSimulation.run(first + count) {
            return continuation.resume(
              returning: "./strongroom soak ledger --seed \(first + count): \(complaint)")
          }
          count += 1
          if clock.now() - told > .seconds(60) {
            print("simulation: \(count) seeds")
            told = clock.now()
          }
        }
        print("simulation: \(count) seeds from \(first), nothing found")
        continuation.resume(returning: nil)
      }
    }
  }

  private func torment(until end: Instant, _ clock: Clock) async throws -> String? {
    let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let binaries = URL(filePath: program).deletingLastPathComponent().path(percentEncoded: false)
    var total = (kills: 0, cuts: 0, failing: 0)
    while clock.now() < end {
      let seed = Randomness.system.next() >> 16
      let own = URL(filePath: folder).appending(path: "ledger-soak-\(getpid())")
      let torment = try LedgerTorment(
        binaries: binaries.hasSuffix("/") ? String(binaries.dropLast()) : binaries,
        folder: own.standardizedFileURL.path(percentEncoded: false), clock: clock, seed: seed)
      defer { torment.remove() }
      let kills = try await torment.kills(10)
      let cuts = try await torment.powerCuts(40, working: .seconds(3))
      let failing = try await torment.powerCuts(20, working: .seconds(2), faults: 200)
      total = (
        total.kills + kills.rounds, total.cuts + cuts.rounds, total.failing + failing.rounds
      )
      print(
        """
        \(total.kills) kills, \(total.cuts) power cuts, \(total.failing) on a failing disk; the last \
        books: \(max(kills.transfers, cuts.transfers)) transfers
        """)
      if let complaint = (kills.complaints + cuts.complaints + failing.complaints).first {
        return complaint
      }
    }
    return nil
  }
}

/// The process that `soak ledger` torments.
struct LedgerWriterCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ledger-writer", abstract: "Writes into a store of its own until it is killed.",
    shouldDisplay: false)

  @Option(help: "Folder of the store and of the answers.")
  var folder: String

  @Option(help: "Callers at the same time.")
  var callers = 8

  func run() async throws {
    try await reporting(json: false) {
      try await SoakWriter(folder: folder, callers: callers, clock: .system).run()
    }
  }
}
