import Commands
import Glibc
import Synchronization

/// A log on disk that several writers append whole lines to. When it is full it becomes `.1`, the
/// older ones move on, and the oldest goes.
package final class LogFile: Sendable {
  /// Size at which the file is put aside, bytes.
  package static let bytesMax = 16 << 20
  /// How many older files are kept.
  package static let olderMax = 4

  private struct State {
    var descriptor: Int32
    var size: Int
  }
  private let path: String
  private let bytesMax: Int
  // A class with a lock, because the threads that read the services' pipes share one file.
  private let state: Mutex<State>

  /// Appends to what is there.
  package init(_ path: String, bytesMax: Int = LogFile.bytesMax) throws(LaunchFailure) {
    self.path = path
    self.bytesMax = bytesMax
    guard let opened = Self.open(path) else { throw .system(call: "open \(path)", code: errno) }
    state = Mutex(opened)
  }
  deinit { state.withLock { _ = close($0.descriptor) } }

  private static func open(_ path: String) -> State? {
    let flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW
    let descriptor = Glibc.open(path, flags, 0o600)
    guard descriptor >= 0 else { return nil }
    return State(descriptor: descriptor, size: Int(max(0, lseek(descriptor, 0, SEEK_END))))
  }

  /// Appends whole lines. A full disk loses them: logging must never stop a service.
  package func append(_ lines: [UInt8]) {
    state.withLock { state in
      if state.size > 0, state.size + lines.count > bytesMax { rotate(&state) }
      if writeAll(lines, to: state.descriptor) { state.size += lines.count }
    }
  }

  private func rotate(_ state: inout State) {
    for number in stride(from: Self.olderMax - 1, through: 1, by: -1) {
      rename("\(path).\(number)", "\(path).\(number + 1)")
    }
    rename(path, "\(path).1")
    guard let next = Self.open(path) else { return }
    close(state.descriptor)
    state = next
  }
}

/// Cuts a stream of bytes into whole lines, and keeps the last of them for the case that they
/// explain an end.
package struct LineCutter {
  /// Longest line kept together, bytes; what is longer is cut.
  package static let lineBytesMax = 65_536
  /// Lines remembered.
  package static let rememberedMax = 12

  private var rest: [UInt8] = []
  package private(set) var last: [String] = []

  package init() {}

  /// The whole lines that are complete now.
  package mutating func take(_ block: some Collection<UInt8>) -> [UInt8] {
    rest += block
    guard let end = rest.lastIndex(of: 0x0a) else {
      guard rest.count > Self.lineBytesMax else { return [] }
      return finish()
    }
    let lines = Array(rest[...end])
    rest.removeSubrange(...end)
    remember(lines)
    return lines
  }

  /// What is left when the stream ends, as a line.
  package mutating func finish() -> [UInt8] {
    guard !rest.isEmpty else { return [] }
    let line = rest + [0x0a]
    rest = []
    remember(line)
    return line
  }

  private mutating func remember(_ lines: [UInt8]) {
    let texts = lines.split(separator: 0x0a).suffix(Self.rememberedMax)
    // They are shown to people, on the launcher's terminal.
    last = (last + texts.map { LegibleText.of(String(decoding: $0.prefix(1_000), as: UTF8.self)) })
      .suffix(Self.rememberedMax)
  }
}
