import ArgumentParser
import Chassis
import Commands
import Foundation
import LedgerBench
import OperatorCommands
import Storage
import StrictJSON
import Vocabulary

struct LedgerBenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ledger",
    abstract: "The ledger's book and journal beside hand-written SQL, on the same disk in one run.",
    discussion: """
      In this process, without network and JSON: what the storage itself can do. Everything is durable \
      (WAL, synchronous=FULL) before it counts. 'index held back' is the journal alone; the other \
      figures of ours are taken while the index is built behind it, and 'caught up' counts until the \
      index has everything. Ids are random in all 128 bits.

      With --service every transfer is a call of its own: 64 callers over 64 connections, binary and \
      JSON, 20 seconds each, all checks on, told to audit in the same transaction. CPU is what each process used while \
      the transfers ran; the callers run on the same cores.
      """)

  @Option(help: "Accounts, 2–4,000,000.")
  var accounts = 10_000

  @Option(help: "Transfers of each of our runs; with --service of each form, at most.")
  var transfers = 1_000_000

  @Option(help: "Transfers in a batch, 1–8,190.")
  var batch = 8_190

  @Option(help: "Seconds of each hand-written run, or with --service of each form, at most.")
  var seconds: Double?

  @Option(
    help: ArgumentHelp(
      "Folder on the disk to measure; a new one is made in it and removed.", valueName: "dir"))
  var folder = "."

  @Option(
    help: ArgumentHelp(
      "A PostgreSQL database to spoil, for ours and hand-written SQL there.", valueName: "location")
  )
  var postgres: String?

  @Flag(help: "Only ours.")
  var alone = false

  @OptionGroup var place: PlaceOptions

  @Flag(
    help: "The running platform's ledger instead: single transfers through its mutual TLS.")
  var service = false

  @Option(help: "With --service: callers at the same time, each with a connection, 1–128.")
  var callers = 64

  func validate() throws {
    _ = try databaseLocation(postgres, option: "--postgres")
    guard (2...4_000_000).contains(accounts) else {
      throw ValidationError("--accounts must be 2–4000000")
    }
    guard (1...8_190).contains(batch) else { throw ValidationError("--batch must be 1–8190") }
    guard (1...128).contains(callers) else { throw ValidationError("--callers must be 1–128") }
    guard (0.1...86_400).contains(seconds ?? 1) else {
      throw ValidationError("--seconds must be 0.1–86400")
    }
    guard (batch...100_000_000).contains(transfers) else {
      throw ValidationError("--transfers must be \(batch)–100000000")
    }
  }

  func run() async throws {
    try await reporting(json: place.json) {
      guard !service else {
        return try await ServiceBench(
          place: place, callers: callers, accounts: accounts, each: max(1, transfers / callers),
          longest: .milliseconds(Int64((seconds ?? 20) * 1_000))
        ).run()
      }
      let seconds = seconds ?? 4
      let own = URL(filePath: folder).appending(path: "ledger-bench-\(getpid())")
      let path = own.standardizedFileURL.path(percentEncoded: false)
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(atPath: path) }
      let ours = JournalContestant(folder: path, clock: .system)
      let perAccount = try ours.memoryPerAccount(1_000_000)
      var all: [Figures] = []
      func note(_ figures: Figures) {
        all.append(figures)
        guard !place.json else { return }
        print(Self.line(figures))
        fflush(nil)
      }
      func run(_ shape: Workload.Shape, buildsIndex: Bool) async throws {
        let work = LongWork(
          "\(shape.rawValue)", of: transfers, "transfers", isTold: !place.json)
        defer { work.finish() }
        note(
          try await ours.run(
            self.work(shape), transfers: transfers, batch: batch, buildsIndex: buildsIndex
          ) { work.add($0) })
      }
      try await run(.uniform, buildsIndex: false)
      for shape in Workload.Shape.allCases { try await run(shape, buildsIndex: true) }
      let start = try await ours.start(after: work(.uniform))
      if !alone {
        for shape in [Workload.Shape.uniform, .hot] {
          for size in [1, 1_000, 8_000] {
            let hand = try HandWrittenSQLite(
              folder: "\(path)/hand-\(shape.rawValue)-\(size)", accounts: accounts)
            note(
              try hand.run(work(shape), transfers: transfers, batch: size, secondsMax: seconds))
          }
        }
      }
      if let postgres = try databaseLocation(postgres, option: "--postgres") {
        let there = JournalContestant(folder: path, database: postgres, clock: .system)
        note(
          try await there.run(
            work(.uniform), transfers: transfers, batch: batch, buildsIndex: false))
        for shape in [Workload.Shape.uniform, .hot] {
          note(
            try await there.run(
              work(shape), transfers: transfers, batch: batch, buildsIndex: true))
          guard !alone else { continue }
          let hand = try HandWrittenPostgres(location: postgres, accounts: accounts)
          note(try hand.run(work(shape), batch: 1, clients: 32, secondsMax: seconds))
          for size in [1_000, 8_000] {
            note(try hand.run(work(shape), batch: size, clients: 1, secondsMax: seconds))
          }
        }
      }
      if place.json {
        print(String(decoding: try JSONEncoder().encode(all), as: UTF8.self))
      } else {
        print("start with \(transfers) transfers of history: \(Self.text(start, 2)) s")
        print("memory of an account, of a million: \(perAccount) bytes")
      }
    }
  }

  private func work(_ shape: Workload.Shape) -> Workload {
    Workload(accounts: accounts, shape: shape, seed: 7)
  }

  private static func line(_ figures: Figures) -> String {
    let caughtUp = figures.perSecondCaughtUp.map { ", caught up \(Int($0))/s" } ?? ""
    return """
      \(figures.name): \(Int(figures.perSecond))/s\(caughtUp); p50 \(text(figures.p50, 1)) p99 \
      \(text(figures.p99, 1)) p999 \(text(figures.p999, 1)) ms; \(text(figures.cpuMicros, 2)) µs CPU, \
      \(Int(figures.bytesPerTransfer)) bytes a transfer; peak \(figures.peakMiB) MiB
      """
  }

  private static func text(_ value: Double, _ digits: Int) -> String {
    String(format: "%.\(digits)f", value)
  }
}
