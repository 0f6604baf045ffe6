import Foundation
import Glibc
import StrictJSON
import TestKit
import Testing

/// The real platform with its books on a PostgreSQL server that asks for a password.
@Suite(.postgres, .serialized) struct `A platform with its books on PostgreSQL` {
  @Test
  func `pays, survives the deaths and pauses of both, keeps the password, and proves its books`()
    async throws
  {
    let port = Int.random(in: 20_000..<30_000)
    let password = "open sesame \(UInt64.random(in: 0 ... .max))"
    let server = try PostgresServer(port: port, password: password)
    let passfile = NSTemporaryDirectory() + "passfile-\(UUID().uuidString)"
    try Data("localhost:\(port):*:*:\(password)\n".utf8).write(to: URL(filePath: passfile))
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: passfile)
    defer { try? FileManager.default.removeItem(atPath: passfile) }
    let platform = try RunningPlatform()
    let database = "postgresql://postgres@localhost:\(port)/postgres?passfile=\(passfile)"
    let up = try await platform.up(["--limits-factor", "1000", "--ledger-database", database])
    do {
      try #require(up.exitCode == 0, "\(up.output)")
      try await platform.expectPays(attempts: 10)
      let status = try await platform.command("status")
      #expect(
        status.output.contains("PostgreSQL database postgres at localhost:\(port)"),
        "\(status.output)")
      try platform.expectUnseen(password, in: ["data/ledger/database-passfile"])

      let ledger = try #require(try platform.pid(of: "ledger"))
      kill(ledger, SIGKILL)
      let next = try #require(try await platform.pid(of: "ledger", otherThan: ledger))
      try await platform.expectPays(attempts: 10)

      // Long enough for the server to end the session of a ledger that it takes for gone.
      kill(next, SIGSTOP)
      try await Task.sleep(for: .seconds(12))
      kill(next, SIGCONT)
      try await platform.expectPays(attempts: 10)

      try server.crash()
      try await Task.sleep(for: .seconds(1))
      try server.start()
      try await platform.expectPays(attempts: 10)

      let verdict = try await platform.command("ledger", "verify", "--json")
      #expect(verdict.exitCode == 0, "\(verdict.output)")
      #expect(try JSON.parse(Array(verdict.output.utf8.dropLast()))["sound"] == .bool(true))
    } catch {
      await platform.down()
      throw error
    }
    await platform.down()
  }
}
