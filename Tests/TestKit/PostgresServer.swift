import Foundation
package import Storage
import StoragePostgres
import Synchronization
package import Testing

/// A PostgreSQL server for tests, on a Unix socket and, if wished, a port; with fsync on. A class: it ends with its last
/// reference.
package final class PostgresServer: Sendable {
  /// The server could not be made to do what a test needs.
  package struct Failure: Error { package let command: String }
  package struct NotInstalled: Error, CustomStringConvertible {
    package let description = "PostgreSQL is not installed: apt-get install postgresql"
  }

  /// One server for all tests of a process. It ends when the process has.
  package static var shared: PostgresServer {
    get throws { try started.get() }
  }
  private static let started = Result {
    let server = try PostgresServer()
    try server.endWithProcess()
    return server
  }

  /// False only where PostgreSQL is not installed and need not be: by hand, on a developer's machine. CI, and
  /// `./strongroom test`, which installs it, must not pass without it.
  package static var mayTest: Bool {
    let environment = ProcessInfo.processInfo.environment
    return programs != nil || environment["CI"] == "true"
      || environment["STRONGROOM_TEST_ALL"] == "1"
  }

  private static let programs: String? = {
    let folders =
      (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
    let all =
      folders.sorted().reversed().map { "/usr/lib/postgresql/\($0)/bin" }
      + ["/usr/local/bin", "/usr/bin"]
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
  /// - Throws: `NotInstalled`; `Failure`.
  package convenience init(
    port: Int? = nil, password: String? = nil, settings: [String] = []
  ) throws {
    try self.init(at: port, settings, password: password)
    try asServer(
      """
      \(programs)/initdb -D \(folder)/data -A \(password == nil ? "trust" : "scram-sha-256") -U postgres \
      --pwfile=\(folder)/password -E UTF8 --locale=C --no-instructions --no-sync
      """)
    try start()
  }

  /// Another server with what the first has now.
  /// - Parameter follows: as a replica, which takes no writes; otherwise it is one that knows nothing of what comes later.
  package convenience init(copyOf first: PostgresServer, follows: Bool) throws {
    try self.init(at: nil, [], password: nil)
    try asServer(
      "\(programs)/pg_basebackup -D \(folder)/data -h \(first.folder) -U postgres -c fast -X stream \(follows ? "-R" : "")"
    )
    try start()
  }

  private init(at port: Int?, _ settings: [String], password: String?) throws {
    guard let programs = Self.programs else { throw NotInstalled() }
    self.programs = programs
    self.port = port
    self.settings = settings
    // Short: a Unix socket's path has 107 bytes at most.
    folder = "/tmp/sr-pg-\(UInt32.random(in: 0 ... .max))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data((password ?? "-").utf8).write(to: URL(filePath: "\(folder)/password"))
    if geteuid() == 0 { try Self.run("/usr/bin/env", ["chown", "-R", "postgres", folder]) }
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

extension Trait where Self == ConditionTrait {
  /// Tests that need a PostgreSQL server. Without one they are skipped, and said to be; where they must not be, they fail.
  package static var postgres: Self {
    .enabled(
      if: PostgresServer.mayTest,
      "PostgreSQL is not installed (apt-get install postgresql), and this is neither CI nor ./strongroom test"
    )
  }
}
