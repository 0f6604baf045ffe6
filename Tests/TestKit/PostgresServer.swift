import Foundation
package import Storage
import StoragePostgres
import Synchronization

/// A PostgreSQL server for tests, on a Unix socket and, if wished, a port; with fsync on. A class: it ends with its last
/// reference.
package final class PostgresServer: Sendable {
  /// The server could not be made to do what a test needs.
  package struct Failure: Error { package let command: String }

  /// One server for all tests of a process; nil, after saying so, where PostgreSQL is not installed. It ends when the
  /// process has.
  package static let shared: PostgresServer? = {
    do {
      guard let server = try PostgresServer() else { return nil }
      try server.endWithProcess()
      return server
    } catch {
      // Installed, and yet nothing could be tested: that must not look like passing.
      fatalError("postgres: the shared server does not start: \(error)")
    }
  }()

  private static let programs: String? = {
    let folders =
      (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
    let all =
      folders.sorted().reversed().map { "/usr/lib/postgresql/\($0)/bin" } + ["/usr/local/bin"]
    return all.first { FileManager.default.isExecutableFile(atPath: "\($0)/initdb") }
  }()

  package let folder: String
  private let programs: String
  private let port: Int?
  private let settings: [String]
  private let stores = Mutex(0)

  /// - Parameters:
  ///   - port: of 127.0.0.1 to listen at, too.
  ///   - password: asked of everybody; nil believes everybody.
  ///   - settings: such as `fsync=off`.
  /// - Returns: nil, after saying so, where PostgreSQL's programs are not installed.
  package init?(port: Int? = nil, password: String? = nil, settings: [String] = []) throws {
    guard let programs = Self.programs else {
      print("postgres: initdb is not installed, nothing tested")
      return nil
    }
    self.programs = programs
    self.port = port
    self.settings = settings
    // Short: a Unix socket's path has 107 bytes at most.
    folder = "/tmp/sr-pg-\(UInt32.random(in: 0 ... .max))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data((password ?? "-").utf8).write(to: URL(filePath: "\(folder)/password"))
    if geteuid() == 0 { try Self.run("/usr/bin/env", ["chown", "-R", "postgres", folder]) }
    try asServer(
      """
      \(programs)/initdb -D \(folder)/data -A \(password == nil ? "trust" : "scram-sha-256") -U postgres \
      --pwfile=\(folder)/password -E UTF8 --locale=C --no-instructions --no-sync
      """)
    try start()
  }

  deinit {
    wake()
    try? asServer("\(programs)/pg_ctl -D \(folder)/data -m immediate stop")
    try? FileManager.default.removeItem(atPath: folder)
  }

  // MARK: where it is

  /// A schema of its own for a store, which is made.
  package func newStore() throws -> PostgresLocation {
    let number = stores.withLock { number in
      number += 1
      return number
    }
    let schema = "store\(getpid())_\(number)"
    try sql("CREATE SCHEMA \(schema)")
    return try location(["options": "-csearch_path=\(schema)"])
  }

  /// - Parameter parameters: besides host, database and user, or in their place.
  package func location(_ parameters: [String: String] = [:]) throws -> PostgresLocation {
    let own = ["host": folder, "port": "\(port ?? 5432)", "dbname": "postgres", "user": "postgres"]
    return try PostgresLocation(own.merging(parameters) { $1 })
  }

  /// What the server says, in a session of its own.
  @discardableResult
  package func sql(_ text: String) throws -> [Row] {
    try PostgresConnection(location().parameters(for: "test")).run(text).rows
  }

  // MARK: what happens to it

  package func start() throws {
    let listens = port.map { "-c listen_addresses=127.0.0.1 -p \($0)" } ?? "-c listen_addresses=''"
    let more = settings.map { " -c \($0)" }.joined()
    let options = "\(listens) -c unix_socket_directories=\(folder)\(more)"
    try asServer(
      "\(programs)/pg_ctl -D \(folder)/data -w -l \(folder)/log -o \"\(options)\" start")
  }

  /// As `kill -9` of the whole server: no checkpoint, no goodbye.
  package func crash() throws {
    for pid in processes { kill(pid, SIGKILL) }
    while processes.contains(where: { kill($0, 0) == 0 }) { usleep(10_000) }
  }

  /// Stops all its processes where they are.
  package func pause() { for pid in processes { kill(pid, SIGSTOP) } }
  package func wake() { for pid in processes { kill(pid, SIGCONT) } }

  /// The postmaster first, then its children.
  private var processes: [pid_t] {
    guard let text = try? String(contentsOfFile: "\(folder)/data/postmaster.pid", encoding: .utf8),
      let postmaster = text.split(separator: "\n").first.flatMap({ pid_t($0) }),
      let children = try? String(
        contentsOfFile: "/proc/\(postmaster)/task/\(postmaster)/children", encoding: .utf8)
    else { return [] }
    return [postmaster] + children.split(separator: " ").compactMap { pid_t($0) }
  }

  // MARK: commands

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

  /// A watcher outside this process, which nothing here can forget to call.
  private func endWithProcess() throws {
    try asServer(
      """
      (setsid bash -c 'while [ -d /proc/\(getpid()) ]; do sleep 1; done; \
      \(programs)/pg_ctl -D \(folder)/data -m immediate stop; rm -rf \(folder)' \
      </dev/null >/dev/null 2>&1 &)
      """)
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
    guard process.terminationStatus == 0 else {
      throw Failure(command: arguments.last ?? program)
    }
  }
}
