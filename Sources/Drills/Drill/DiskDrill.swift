import AuditAPI
import Chassis
import Demo
import Foundation
import Launcher
import LedgerAPI
import StrictJSON
import Transport
import Vocabulary

/// A service that fills the disk it shares with the others: nothing that was begun is left half done, and nothing new is
/// begun. Only on request, and only where the home has a small file system of its own: the disk is filled in earnest.
package enum DiskDrill {
  package static let drill = Drill(
    name: "disk",
    promise:
      "A full disk stops new work before it stops the work that was begun; reads, the operator and the audit log go on. Fills the home's disk: only where that is a file system of 4 GiB at most.",
    attacks: [filled])

  /// A larger one is not the platform's own.
  private static let diskBytesMax: Int64 = 4 << 30
  /// The bank's own hold lives this long, so that nothing is left where the drill is ended in between.
  private static let holdSeconds: Int64 = 120
  private static let noticeMax = 40
  private static let noticePause: Duration = .milliseconds(250)

  private static let filled = Attack(
    "filled-by-a-service",
    steps: "fill the disk from a service's folder until half of what is kept is left",
    expectation:
      "a new payment and a new account are refused with disk-full; a hold is given back, balances are read, the log grows; all goes on when there is room"
  ) { range in
    let filler = Filler(folder: range.home.dataFolder(of: "customers"))
    let facts = try filler.facts()
    guard facts.total <= diskBytesMax else {
      return .notTried("the home's disk has \(facts.total >> 20) MiB and is others' too")
    }
    let token = try await range.tokens(of: 0).accessToken
    let hold = try await begunHold(range)
    let reserve = try await reserve(range)
    defer { filler.empty() }
    try filler.fill(leaving: reserve / 2)
    guard try await isTold("reserved", range) else {
      return .breach("no service has noticed after ten seconds")
    }
    let size = try await logSize(range)
    let wrong = try await unexpected(range, token, hold)
    filler.empty()
    guard try await isTold("ample", range) else {
      return .breach("no service has noticed that there is room again")
    }
    let after = try await range.pay(1, from: 0, to: 1, key: range.newKey(), token: token)
    let grown = try await logSize(range)
    guard grown > size else { return .breach("the audit log did not grow") }
    return .when(
      wrong.isEmpty && after.status == 201,
      wrong.isEmpty
        ? "refused, finished and read as it must be; afterwards \(after.text)"
        : wrong.joined(separator: "; "))
  }

  /// What happened that must not, with the disk as full as it is.
  private static func unexpected(
    _ range: DrillRange, _ token: String, _ hold: TransferID
  ) async throws -> [String] {
    var wrong: [String] = []
    let payment = try await range.pay(1, from: 0, to: 1, key: range.newKey(), token: token)
    if payment.slug != Problem.diskFull.slug || payment.headers["retry-after"] == nil {
      wrong.append("a new payment got \(payment.text)")
    }
    let balance = try await range.ask(
      "GET", "/v1/accounts/\(range.bank.residents[0].account)/balance", token: token)
    if balance.status != 200 { wrong.append("a balance got \(balance.text)") }
    let account = NewAccount(
      id: AccountID(bits: range.randomness.bits128() | 1), currency: range.bank.currency, code: 100)
    let opened = try await post(
      LedgerOperations.createAccounts.path, StrictJSON.encode(NewAccounts(accounts: [account])),
      range)
    if opened.slug != Problem.diskFull.slug { wrong.append("a new account got \(opened.text)") }
    let voided = try await post(
      PathFilling.fill(LedgerOperations.voidHold.path, with: ["id": "\(hold)"]),
      StrictJSON.encode(HoldVoiding(id: TransferID(bits: range.randomness.bits128() | 1))), range)
    if voided.status >= 300 { wrong.append("giving a hold back got \(voided.text)") }
    return wrong
  }

  /// As the operator, to the ledger.
  private static func post(
    _ target: String, _ body: [UInt8], _ range: DrillRange
  ) async throws -> DrillRange.Answer {
    let answer = try await range.line.send(
      .post, target, to: "ledger", headers: ["content-type": "application/json"], body: body)
    return DrillRange.Answer(status: answer.status, headers: answer.headers, body: answer.body)
  }

  /// Money that is held by the time the disk fills: to give it back is to finish what was begun.
  private static func begunHold(_ range: DrillRange) async throws -> TransferID {
    let residents = range.bank.residents
    let id = TransferID(bits: range.randomness.bits128() | 1)
    var hold = NewTransfer(
      id: id, amount: try Money(minorUnits: 3, currency: range.bank.currency),
      from: residents[0].account, to: residents[2].account, code: 1)
    hold.flags = [.pending]
    hold.timeoutSeconds = holdSeconds
    let made = try await range.desk.call(
      LedgerOperations.createTransfers, NewTransfers(transfers: [hold]))
    guard made.results.map(\.result) == [EventResult.created] else {
      throw DemoFailure("the bank cannot hold money: \(made.results.map(\.result))")
    }
    return id
  }

  private static func standing(
    of service: ServiceName, _ range: DrillRange
  ) async throws -> JSON? {
    let answer = try await range.line.send(.get, "/readyz", to: service)
    return try JSON.parse(answer.body)["disk"]
  }

  private static func reserve(_ range: DrillRange) async throws -> Int64 {
    guard let bytes = try await standing(of: "ledger", range)?["reserve_bytes"]?.integer else {
      throw DemoFailure("the ledger does not say how much room it keeps")
    }
    return bytes
  }

  /// Waits until the services that money passes have all noticed.
  private static func isTold(_ level: String, _ range: DrillRange) async throws -> Bool {
    for _ in 0..<noticeMax {
      var levels: Set<String?> = []
      for service in ["gateway", "payments", "ledger"] as [ServiceName] {
        levels.insert(try await standing(of: service, range)?["level"]?.string)
      }
      if levels == [level] { return true }
      try await Task.sleep(for: noticePause)
    }
    return false
  }

  private static func logSize(_ range: DrillRange) async throws -> Int64 {
    try await range.desk.call(AuditOperations.getCheckpoint, Nothing()).size
  }
}

/// A file that takes up room.
private struct Filler {
  private let folder: String
  private var path: String { "\(folder)/drill-filler" }
  /// Taken in steps, so that what others write meanwhile is left to them.
  private static let stepBytes: Int64 = 1 << 20

  init(folder: String) { self.folder = folder }

  func facts() throws -> (free: Int64, total: Int64) {
    var facts = statvfs()
    guard statvfs(folder, &facts) == 0 else { throw DemoFailure("cannot measure \(folder)") }
    let block = Int64(facts.f_frsize)
    return (Int64(facts.f_bavail) * block, Int64(facts.f_blocks) * block)
  }

  /// - Parameter rest: bytes that are left free.
  func fill(leaving rest: Int64) throws {
    let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { throw DemoFailure("cannot make \(path)") }
    defer { close(file) }
    var taken: Int64 = 0
    while try facts().free > rest + Self.stepBytes {
      guard posix_fallocate(file, off_t(taken), off_t(Self.stepBytes)) == 0 else { return }
      taken += Self.stepBytes
    }
  }

  func empty() { unlink(path) }
}
