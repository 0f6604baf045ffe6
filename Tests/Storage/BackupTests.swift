import Dispatch
import Foundation
import Glibc
import Storage
import Synchronization
import Testing

@Suite struct `A store beside a backup of it` {
  /// Whoever is the last to close a log writes it back. A backup of a store that was killed does so when it ends, and
  /// the new owner, which at that moment writes the same pages once more, must not put back what was there before.
  @Test func `keeps others from writing its log back while it writes both once more`() async throws
  {
    let killed = try TemporaryFolder()
    let first = try openStore(in: killed)
    for number in 0..<8 {
      try await add(String(repeating: "\(number)", count: 1_000_000), to: first)
    }
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(
      atPath: "\(folder.path)/store", withIntermediateDirectories: true)
    for part in ["", "-wal"] {
      try FileManager.default.copyItem(
        atPath: killed.database + part, toPath: folder.database + part)
    }
    let watch = try LockWatch(folder.database)
    let store = try openStore(in: folder)
    #expect(watch.end(), "an exclusive lock could be had all the time")
    #expect(try await texts(of: store).count == 8)
    store.close()
    first.close()
  }
}

/// Looks whether anybody could have the exclusive lock of a database, as SQLite takes it to write a log back. A class: its
/// thread shares it.
private final class LockWatch: Sendable {
  private let isOver = Mutex(false)
  private let wasKeptOut = Mutex(false)
  private let ended = DispatchSemaphore(value: 0)

  init(_ path: String) throws {
    let handle = open(path, O_RDWR | O_CLOEXEC)
    try #require(handle >= 0)
    Thread.detachNewThread { [self] in
      while !isOver.withLock({ $0 }) {
        var range = Glibc.flock(
          l_type: Int16(F_WRLCK), l_whence: Int16(SEEK_SET), l_start: 0x4000_0002, l_len: 510,
          l_pid: 0)
        // F_OFD_GETLK. The lock of an open file has no process: that of a connection of SQLite would have.
        if fcntl(handle, 36, &range) == 0, range.l_type == F_RDLCK, range.l_pid == -1 {
          wasKeptOut.withLock { $0 = true }
        }
      }
      // Not closed: that would drop the locks of the store's own connections.
      ended.signal()
    }
  }

  func end() -> Bool {
    isOver.withLock { $0 = true }
    ended.wait()
    return wasKeptOut.withLock { $0 }
  }
}
