import Foundation
import TestKit
import Testing
import Vocabulary

/// A real platform that begins with files, as all do, and goes on with a database.
@Suite(.postgres, .serialized) struct `A platform whose stores all move to PostgreSQL` {
  @Test func `has the same people, payments and books there, and is never begun anew`() async throws
  {
    let port = Int.random(in: 20_000..<30_000)
    let server = try PostgresServer(port: port)
    let platform = try RunningPlatform()
    do {
      try await move(platform, to: "postgresql://postgres@localhost:\(port)/postgres")
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
    let early = try await platform.command("move", "--to", database)
    #expect(early.exitCode == 75, "\(early.output)")
    try await platform.command("down")
    let hasty = try await platform.up(["--database", database])
    #expect(hasty.exitCode != 0)
    #expect(hasty.output.contains("'strongroom move --to"), "\(hasty.output)")

    let moved = try await platform.command("move", "--to", database)
    try #require(moved.exitCode == 0, "\(moved.output)")
    for service in [
      "audit", "authority", "customers", "egress", "gateway", "identity", "ledger", "payments",
    ] {
      #expect(moved.output.contains(" \(service)  "), "\(moved.output)")
      let names = try FileManager.default.contentsOfDirectory(
        atPath: "\(platform.home)/data/\(service)")
      #expect(names.contains("\(service).sqlite.moved"), "\(names)")
      #expect(!names.contains("\(service).sqlite"), "\(names)")
    }
    let again = try await platform.command("move", "--to", database)
    #expect(again.output.contains("No store is in a file"), "\(again.output)")
    let forgetful = try await platform.up()
    #expect(forgetful.exitCode != 0)
    #expect(forgetful.output.contains("store is on PostgreSQL"), "\(forgetful.output)")

    let next = try await platform.up(["--limits-factor", "1000", "--database", database])
    try #require(next.exitCode == 0, "\(next.output)")
    // Signs in by a password of before, and pays with what was there.
    let pays = try await platform.command("demo", "--json")
    #expect(pays.exitCode == 0, "\(pays.output)")
    let books = try await platform.command("ledger", "verify")
    #expect(books.exitCode == 0, "\(books.output)")
    let log = try await platform.command("audit", "verify")
    #expect(log.exitCode == 0, "\(log.output)")
  }
}
