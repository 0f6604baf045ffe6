import Chassis
import Foundation
import LedgerSoak
import Testing
import Vocabulary

@Suite(.serialized) struct `The ledger's books, on a real disk,` {
  @Test func `have everything that was answered when their writers are killed and paused`()
    async throws
  {
    let torment = try torment()
    defer { torment.remove() }
    let report = try await torment.kills(8)
    print("ledger kills: \(report.rounds) of 8 kept, \(report.transfers) transfers at the end")
    #expect(report.complaints.isEmpty, "\(report.complaints)")
    #expect(report.rounds == 8)
  }

  @Test func `have everything that was answered when the power is cut`() async throws {
    let torment = try torment()
    defer { torment.remove() }
    let report = try await torment.powerCuts(16, working: .seconds(1))
    print("ledger power cuts: \(report.rounds) of 16 kept, up to \(report.transfers) transfers")
    #expect(report.complaints.isEmpty, "\(report.complaints)")
    #expect(report.rounds == 16)
    #expect(report.answered > 0)
  }

  @Test func `have everything that was answered on a disk that is full or failing now and then`()
    async throws
  {
    let torment = try torment()
    defer { torment.remove() }
    let report = try await torment.powerCuts(12, working: .seconds(1), faults: 200)
    print(
      "ledger on a failing disk: \(report.rounds) of 12 kept, up to \(report.transfers) transfers")
    #expect(report.complaints.isEmpty, "\(report.complaints)")
    #expect(report.rounds == 12)
    #expect(report.answered > 0)
  }

  /// The same look, on a disk that says it has synced and has not.
  @Test func `are missed where a disk lies`() async throws {
    let torment = try torment()
    defer { torment.remove() }
    let report = try await torment.powerCuts(25, working: .seconds(1), manner: .lying)
    #expect(!report.complaints.isEmpty)
  }

  private func torment() throws -> LedgerTorment {
    // Printed in every complaint.
    let seed = UInt64.random(in: 1...1_000_000)
    let checkout = #filePath.components(separatedBy: "/Tests/").first ?? "."
    let binaries = "\(checkout)/.build/debug"
    let folder = FileManager.default.temporaryDirectory.appending(path: "ledger-soak-\(seed)")
    return try LedgerTorment(
      binaries: binaries, folder: folder.path(percentEncoded: false), clock: .system, seed: seed)
  }
}
