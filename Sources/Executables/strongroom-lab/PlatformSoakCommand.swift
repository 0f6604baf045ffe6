import ArgumentParser
import Chassis
import Commands
import Demo
import Foundation
import Launcher
import LedgerAPI
import Load
import MerkleLog
import OperatorCommands
import PlatformSoak
import Sandbox
import StrictJSON
import Synchronization
import Transport
import Vocabulary

struct PlatformSoakCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "platform",
    abstract: "The running platform at the rate that its cores carry, looked at all the while.",
    discussion: """
      People of a bank of its own pay, look at their accounts, sign in and are refused, each over a \
      connection of its own, one act after the other. Every half minute: memory, descriptors, threads, \
      disk and restarts of each service. Start the platform with '--limits-factor 1000', or the \
      gateway's limits are what is tried.

      Exit code 1 when a service was restarted, when its memory, descriptors or threads still grew in \
      the last half, when more than one act in a thousand was answered wrongly, when the books do not \
      balance, or when the audit log does not verify.
      """)

  @OptionGroup var place: PlaceOptions

  @Option(help: "Minutes to go on, 1–10,000.")
  var minutes = 5

  @Option(help: "People at the same time, 2–256.")
  var clients = 16

  func validate() throws {
    guard (1...10_000).contains(minutes) else { throw ValidationError("--minutes must be 1–10000") }
    guard (2...256).contains(clients) else { throw ValidationError("--clients must be 2–256") }
  }

  func run() async throws {
    try await reporting(json: place.json) {
      let (home, _, line) = try place.running()
      let desk = OperatorDesk(line: line, randomness: .system)
      say("Making a bank of \(clients) people …")
      let lanes = try await self.lanes(home, desk)
      let load = PlatformLoad(clock: .system, randomness: .system, currency: try Self.currency())
      let end = Clock.system.now() + .seconds(minutes * 60)
      let tally = Mutex(PlatformLoad.Tally())
      async let working: Void = load.run(lanes, until: end) { news in
        tally.withLock { $0.add(news) }
      }
      let samples = await watch(home, until: end, tally)
      await working
      let complaints = try await self.complaints(home, desk, tally.withLock { $0 })
      try finish(SoakVerdict(samples), tally.withLock { $0 }, complaints)
    }
  }

  private static func currency() throws -> Currency {
    guard let euro = Currency("EUR") else {
      throw OperatorFailure("EUR is not a currency any more", .software)
    }
    return euro
  }

  private func lanes(_ home: Home, _ desk: OperatorDesk) async throws -> [PlatformLoad.Lane] {
    guard let platform = PlatformSettings.read(home) else { throw LaunchFailure.notRunning }
    let (bank, login) = try await DemoSeeding(desk: desk, home: home, randomness: .system)
      .seed(Randomness.system.next(), residents: clients, keepsLogin: false)
    return try bank.residents.enumerated().map { number, resident in
      let client = try OutsideClient(to: platform, in: home)
      return PlatformLoad.Lane(
        client: client,
        login: BrowserLogin(
          browser: client, clientID: bank.clientID, redirectURI: DemoSeeding.redirectURI,
          randomness: .system),
        name: resident.login, password: login.password, scopes: DemoSeeding.scopes,
        debtor: resident.account,
        creditor: bank.residents[(number + 1) % bank.residents.count].account)
    }
  }

  // MARK: - Looking

  /// Half a minute apart; closer in a short soak, whose quarters must hold some looks too.
  private var interval: Duration { .seconds(min(30, max(3, minutes * 60 / 20))) }

  private func watch(
    _ home: Home, until end: Instant, _ tally: borrowing Mutex<PlatformLoad.Tally>
  ) async -> [SoakSample] {
    let began = Clock.system.now()
    var samples = [sample(home, tally.withLock { $0.posted })]
    while Clock.system.now() < end {
      try? await Task.sleep(for: min(interval, end - Clock.system.now()))
      let before = samples[samples.count - 1]
      let after = sample(home, tally.withLock { $0.posted })
      samples.append(after)
      show(after, since: before, began)
    }
    return samples
  }

  private func sample(_ home: Home, _ posted: Int) -> SoakSample {
    let figures = ProcessFigures.all(home)
    let processes = figures.map {
      (
        $0.service,
        SoakSample.Process(
          pid: $0.pid, residentKiB: $0.residentKiB, descriptors: $0.descriptors,
          threads: $0.threads)
      )
    }
    let disk = WholeFile.names(in: home.dataFolder).map { service in
      (
        service,
        FolderSize.bytes("\(home.dataFolder)/\(service)")
          + FolderSize.bytes("\(home.logFolder)/\(service).log")
      )
    }
    return SoakSample(
      at: Clock.system.now(), processes: Dictionary(processes, uniquingKeysWith: { $1 }),
      diskBytes: Dictionary(disk, uniquingKeysWith: { $1 }), posted: posted)
  }

  private func show(_ sample: SoakSample, since before: SoakSample, _ began: Instant) {
    let milliseconds = max(1, (sample.at - before.at).milliseconds)
    let rate = Int64(sample.posted - before.posted) * 1_000 / milliseconds
    let parts = sample.processes.sorted { $0.key < $1.key }.map { name, process in
      let restarted = before.processes[name].map { $0.pid != process.pid } ?? false
      return
        "\(name) \(process.residentKiB >> 10) MiB \(process.descriptors) fd \(process.threads) th"
        + (restarted ? " RESTARTED" : "")
    }
    let disk = sample.diskBytes.values.reduce(0, +) >> 20
    say(
      "\((sample.at - began).milliseconds / 1_000) s  \(rate) payments/s, \(sample.posted) in all, "
        + "\(disk) MiB on disk | " + parts.joined(separator: " · "))
  }

  /// As it happens, also into a file.
  private func say(_ text: String) {
    guard !place.json else { return }
    print(text)
    fflush(nil)
  }

  // MARK: - Judging

  private func complaints(
    _ home: Home, _ desk: OperatorDesk, _ tally: PlatformLoad.Tally
  ) async throws -> [String] {
    var complaints: [String] = []
    let acts = tally.answered.values.reduce(0, +) + tally.oddTotal
    if tally.oddTotal * 1_000 > acts {
      complaints.append(
        "\(tally.oddTotal) of \(acts) acts were not answered as they must be: "
          + tally.odd.sorted { $0.key < $1.key }.map { "\($0.key) × \($0.value)" }
          .joined(separator: ", "))
    }
    if tally.posted == 0 { complaints.append("no payment was posted") }
    let trial = try await desk.call(LedgerOperations.getTrialBalance, Nothing())
    if !trial.balanced { complaints.append("the books do not balance") }
    guard let key = AuditLogFolder.verifierKey(of: home) else {
      return complaints + ["the audit log has no verifier key"]
    }
    let files = AuditLogFolder.files("\(home.dataFolder)/audit/log")
    let work = LongWork("Verifying the log", "records", isTold: !place.json)
    let report = LogVerification(files: files, key: key).verify(older: nil) {
      work.tell($0, of: $1)
    }
    work.finish()
    if !report.isSound {
      complaints.append(
        "the audit log does not verify: "
          + report.findings.prefix(3).map(\.description).joined(separator: "; "))
    }
    return complaints
  }

  private func finish(
    _ verdict: SoakVerdict, _ tally: PlatformLoad.Tally, _ more: [String]
  ) throws {
    let complaints = verdict.complaints + more
    if place.json { printLine(json(verdict, tally, complaints)) } else { show(verdict, tally) }
    guard complaints.isEmpty else {
      if !place.json { for complaint in complaints { complain(complaint) } }
      throw ArgumentParser.ExitCode(CommandExit.failed.rawValue)
    }
    say("everything held")
  }

  private func show(_ verdict: SoakVerdict, _ tally: PlatformLoad.Tally) {
    func span(_ span: SoakVerdict.Span, _ shift: Int64 = 0) -> String {
      "\(span.before >> shift) → \(span.after >> shift)"
    }
    let rows = verdict.services.map { service in
      [
        service.name, "\(service.restarts)", span(service.residentKiB, 10),
        "\(service.residentKiBMax >> 10)", span(service.descriptors), span(service.threads),
        service.diskBytesPerPayment.map { "\($0)" } ?? "–",
      ]
    }
    let heading = [
      "SERVICE", "RESTARTS", "MEMORY MiB, 3rd → 4th quarter", "MOST", "DESCRIPTORS", "THREADS",
      "BYTES ON DISK PER PAYMENT",
    ]
    print("\n" + Terminal.output.table([heading] + rows))
    let disk = verdict.services.compactMap(\.diskBytesPerPayment).reduce(0, +)
    let acts = tally.answered.sorted { $0.key.rawValue < $1.key.rawValue }
      .map { "\($0.value) \($0.key.rawValue)s" }.joined(separator: ", ")
    print("\n\(acts); \(tally.oddTotal) odd answers; \(disk) bytes on disk per payment in all")
    if let p50 = tally.latency.quantile(permille: 500),
      let p99 = tally.latency.quantile(permille: 990)
    {
      print("a payment: p50 ≤ \(p50.milliseconds) ms, p99 ≤ \(p99.milliseconds) ms")
    }
  }

  private func json(
    _ verdict: SoakVerdict, _ tally: PlatformLoad.Tally, _ complaints: [String]
  ) -> JSON {
    let services = verdict.services.map { service in
      JSON.object([
        "service": .string(service.name), "restarts": .integer(Int64(service.restarts)),
        "resident_kib_third_quarter": .integer(service.residentKiB.before),
        "resident_kib_last_quarter": .integer(service.residentKiB.after),
        "resident_kib_max": .integer(service.residentKiBMax),
        "disk_bytes_per_payment": service.diskBytesPerPayment.map { .integer($0) } ?? .null,
      ])
    }
    return .object([
      "services": .array(services), "payments": .integer(Int64(tally.posted)),
      "odd_answers": .integer(Int64(tally.oddTotal)),
      "complaints": .array(complaints.map { .string($0) }),
    ])
  }
}

/// What a folder, or a file, takes on its disk.
enum FolderSize {
  /// Whole blocks of 4 KiB; what goes away meanwhile counts nothing.
  static func bytes(_ path: String) -> Int64 {
    guard let facts = FileFacts(at: path) else { return 0 }
    let own = (facts.identity.size + 4_095) / 4_096 * 4_096
    guard facts.isFolder else { return own }
    return WholeFile.names(in: path).reduce(own) { $0 + bytes("\(path)/\($1)") }
  }
}
