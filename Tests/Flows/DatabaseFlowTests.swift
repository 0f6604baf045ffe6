import Foundation
import Glibc
import StrictJSON
import TestKit
import Testing
import Vocabulary

/// The real platform with every service's store on one PostgreSQL server that asks for passwords.
@Suite(.postgres, .serialized) struct `A platform with all its stores on PostgreSQL` {
  private static let services = [
    "audit", "authority", "customers", "egress", "gateway", "identity", "ledger", "payments",
  ]

  @Test
  func
    `pays and starts again, with a role and a schema for each service and no password where others look`()
    async throws
  {
    let port = Int.random(in: 20_000..<30_000)
    let secret = "open sesame \(UInt64.random(in: 0 ... .max))"
    let server = try PostgresServer(port: port, password: secret)
    let passfile = NSTemporaryDirectory() + "passfile-\(UUID().uuidString)"
    try Data("*:\(port):*:*:\(secret)\n".utf8).write(to: URL(filePath: passfile))
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: passfile)
    defer { try? FileManager.default.removeItem(atPath: passfile) }
    let platform = try RunningPlatform()
    let database = "postgresql://postgres@localhost:\(port)/postgres?passfile=\(passfile)"
    do {
      let up = try await platform.up(["--limits-factor", "1000", "--database", database])
      try #require(up.exitCode == 0, "\(up.output)")
      try await platform.expectPays(attempts: 20)
      try expectNoFiles(platform)
      try platform.expectUnseen(secret, in: [])
      for service in Self.services {
        let own = "data/\(service)/database-passfile"
        let line = try String(contentsOfFile: "\(platform.home)/\(own)", encoding: .utf8)
        let fields = line.trimmingCharacters(in: .newlines).split(separator: ":")
        #expect(fields[3] == "postgres_\(service)")
        try platform.expectUnseen(String(fields[4]), in: [own])
      }

      // Each comes back to its store; the crash of the server is everybody's.
      for service in ["customers", "identity", "payments", "audit"] {
        let pid = try #require(try platform.pid(of: service))
        kill(pid, SIGKILL)
        _ = try #require(try await platform.pid(of: service, otherThan: pid))
      }
      try await platform.expectPays(attempts: 20)
      try server.crash()
      try await Task.sleep(for: .seconds(1))
      try server.start()
      try await platform.expectPays(attempts: 20)

      // It is remembered.
      try await platform.restart()
      try await platform.expectPays(attempts: 20)
      try expectNoFiles(platform)
      let verdict = try await platform.command("ledger", "verify", "--json")
      #expect(verdict.exitCode == 0, "\(verdict.output)")
      let log = try await platform.command("audit", "verify")
      #expect(log.exitCode == 0, "\(log.output)")
    } catch {
      await platform.down()
      throw error
    }
    await platform.down()
  }

  private func expectNoFiles(_ platform: RunningPlatform) throws {
    for service in Self.services {
      let names = try FileManager.default.contentsOfDirectory(
        atPath: "\(platform.home)/data/\(service)")
      #expect(names.contains("database-store"), "\(service): \(names)")
      #expect(!names.contains { $0.contains(".sqlite") }, "\(service): \(names)")
    }
  }
}
