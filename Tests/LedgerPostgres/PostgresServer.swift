import Foundation
import LedgerPostgres

/// A PostgreSQL server of its own for one test, on a Unix socket, with fsync on. A class: it ends
/// with its last reference.
final class PostgresServer {
  let folder: String
  private let programs: String

  /// Nil, after saying so, where PostgreSQL's programs are not installed.
  init?() throws {
    guard
      let programs = ["/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/16/bin", "/usr/local/bin"]
        .first(where: { FileManager.default.isExecutableFile(atPath: "\($0)/initdb") })
    else {
      print("postgres: initdb is not installed, nothing tested")
      return nil
    }
    self.programs = programs
    // Short: a Unix socket's path has 107 bytes at most.
    folder = "/tmp/sr-pg-\(UInt32.random(in: 0 ... .max))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    if geteuid() == 0 { try Self.run("/usr/bin/env", ["chown", "postgres", folder]) }
    try asServer("\(programs)/initdb -D \(folder)/data -A trust -U postgres --no-instructions")
    try start()
  }

  deinit {
    try? asServer("\(programs)/pg_ctl -D \(folder)/data -m immediate stop")
    try? FileManager.default.removeItem(atPath: folder)
  }

  var location: String { "host=\(folder) dbname=postgres user=postgres" }

  func start() throws {
    let options = "-c listen_addresses='' -c unix_socket_directories=\(folder)"
    try asServer(
      "\(programs)/pg_ctl -D \(folder)/data -w -l \(folder)/log -o \"\(options)\" start")
  }

  /// As a crash does: no checkpoint, no goodbye.
  func crash() throws { try asServer("\(programs)/pg_ctl -D \(folder)/data -m immediate stop") }

  /// The server refuses to run as root. It outlives the command that starts it, so it must not hold
  /// what `Process` opened for that command: `waitUntilExit` waits until nobody holds it.
  private func asServer(_ program: String) throws {
    let command = """
      for f in /proc/self/fd/*; do f=${f##*/}; [ "$f" -gt 2 ] && eval "exec $f>&-"; done; \(program)
      """
    if geteuid() == 0 {
      try Self.run("/usr/sbin/runuser", ["-u", "postgres", "--", "bash", "-c", command])
    } else {
      try Self.run("/bin/bash", ["-c", command])
    }
  }

  private static func run(_ program: String, _ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = arguments
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    process.currentDirectoryURL = URL(filePath: "/")
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw PostgresFailure.unexpected }
  }
}
