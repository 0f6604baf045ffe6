import Foundation
import StrictJSON
import TestKit
import Testing
import Vocabulary

/// A real platform that begins with a file, as all do, and goes on with PostgreSQL.
@Suite(.postgres, .serialized) struct `A platform whose books move to PostgreSQL` {
  @Test func `has the same books there, pays on, and is never begun anew`() async throws {
    let port = Int.random(in: 20_000..<30_000)
    let server = try PostgresServer(port: port)
    let database = "postgresql://postgres@localhost:\(port)/postgres"
    let platform = try RunningPlatform()
    do {
      try await move(platform, to: database)
    } catch {
      await platform.down()
      throw error
    }
    await platform.down()
    withExtendedLifetime(server) {}
  }

  private func move(_ platform: RunningPlatform, to database: String) async throws {
    let up = try await platform.up()
    try #require(up.exitCode == 0, "\(up.output)")
    let paid = try await platform.command("demo", "--json")
    try #require(paid.exitCode == 0, "\(paid.output)")
    let early = try await platform.command("ledger", "move", "--to", database)
    #expect(early.exitCode == 75, "\(early.output)")
    try await platform.command("down")
    let before = try await tip(platform)
    let hasty = try await platform.up(["--ledger-database", database])
    #expect(hasty.exitCode != 0)
    #expect(hasty.output.contains("ledger move --to"), "\(hasty.output)")

    let moved = try await platform.command("ledger", "move", "--to", database)
    try #require(moved.exitCode == 0, "\(moved.output)")
    #expect(moved.output.contains(before), "\(moved.output)")
    let again = try await platform.command("ledger", "move", "--to", database)
    #expect(again.output.contains("there are no books"), "\(again.output)")
    let forgetful = try await platform.up()
    #expect(forgetful.exitCode != 0)
    #expect(forgetful.output.contains("store is on PostgreSQL"), "\(forgetful.output)")

    let next = try await platform.up(["--ledger-database", database])
    try #require(next.exitCode == 0, "\(next.output)")
    let pays = try await platform.command("demo", "--json")
    #expect(pays.exitCode == 0, "\(pays.output)")
    let new = NSTemporaryDirectory() + "transfer-\(UUID().uuidString).csv"
    try Data("\(TransferID(bits: 7)),\(try await ends(platform))\n".utf8).write(
      to: URL(filePath: new))
    let booked = try await platform.command("ledger", "import", new)
    #expect(booked.output == "1 made, 0 had been made before, 0 refused\n")
    #expect(try await tip(platform) != before)
  }

  /// A transfer of one cent between two accounts that the demo bank's own transfers name.
  private func ends(_ platform: RunningPlatform) async throws -> String {
    let export = try await platform.command("ledger", "export")
    let plain = export.output.split(separator: "\n").dropFirst().map {
      $0.split(separator: ",", omittingEmptySubsequences: false)
    }.first { $0.count > 6 && $0[6] == "0" }
    let fields = try #require(plain, "\(export.output)")
    return "\(fields[1]),\(fields[2]),1,\(fields[4]),1"
  }

  private func tip(_ platform: RunningPlatform) async throws -> String {
    let verdict = try await platform.command("ledger", "verify", "--json")
    #expect(verdict.exitCode == 0, "\(verdict.output)")
    let line = try #require(verdict.output.split(separator: "\n").first)
    return try #require(try JSON.parse(Array(line.utf8))["tip"]?.string, "\(verdict.output)")
  }
}
