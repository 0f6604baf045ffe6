import Commands
import StrictJSON
package import Vocabulary

/// What the launcher tells whoever started it: one JSON line each on its standard output, for `up`
/// to show.
package struct LauncherEvent: Hashable, Sendable, Codable {
  package enum Kind: String, Sendable, Codable, CaseIterable {
    /// A service's process was started.
    case starting
    /// A service answers as ready.
    case ready
    /// A service waits for another platform's to end, and all that does not need it is ready.
    case standby
    /// A service ended by itself and will be started again.
    case restarting
    /// A service ended as it was asked to.
    case stopped
    /// All services are ready.
    case up
    /// It will not come up; the launcher ends with `exitCode`.
    case failed
    /// All services have ended.
    case down
  }
  package let kind: Kind
  package let service: ServiceName?
  /// Present where it is about the program behind the service's sidecar.
  package let isProgram: Bool?
  package let pid: Int32?
  /// Since the launcher began (up, down, failed) or since the service was started; whole
  /// milliseconds.
  package let millis: Int64
  /// For people.
  package let detail: String?
  package let exitCode: Int32?

  private enum CodingKeys: String, CodingKey {
    case kind, service, pid, millis, detail
    case isProgram = "program"
    case exitCode = "exit_code"
  }

  package init(
    _ kind: Kind, service: ServiceName? = nil, isProgram: Bool = false, pid: Int32? = nil,
    millis: Int64 = 0,
    detail: String? = nil, exitCode: Int32? = nil
  ) {
    self.kind = kind
    self.service = service
    self.isProgram = isProgram ? true : nil
    self.pid = pid
    self.millis = millis
    self.detail = detail
    self.exitCode = exitCode
  }

  /// One JSON line with its line feed.
  package var line: [UInt8] { ((try? StrictJSON.encode(self)) ?? Array("{}".utf8)) + [0x0a] }

  /// Nil for a line that is no event.
  package init?(line: some Collection<UInt8>) {
    guard let event = try? StrictJSON.decode(LauncherEvent.self, from: line) else { return nil }
    self = event
  }
}
