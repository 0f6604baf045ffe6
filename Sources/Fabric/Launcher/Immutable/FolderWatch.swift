import Foundation

/// Wakes when something changed in one of some folders (inotify(7)), and in any case after a pause:
/// inotify tells nothing of writes through a mapping, and its queue can overflow.
final class FolderWatch: Sendable {
  // A class: it owns descriptors and its thread.
  static let eventsMask = UInt32(
    IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE
      | IN_DELETE_SELF | IN_MOVE_SELF)
  /// A burst of events costs one look.
  private static let settleMicros: UInt32 = 2_000

  private let events: Int32
  private let (stopReader, stopWriter): (Int32, Int32)

  /// Calls `changed` on a thread of its own until `stop`.
  /// - Throws: `system`.
  init(
    _ folders: [String], pauseMillis: Int32, changed: @escaping @Sendable () -> Void
  ) throws(LaunchFailure) {
    events = inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK))
    guard events >= 0 else { throw .system(call: "inotify_init1", code: errno) }
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else {
      let code = errno
      close(events)
      throw .system(call: "pipe", code: code)
    }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    (stopReader, stopWriter) = (ends[0], ends[1])
    let (events, stopReader) = (events, stopReader)
    let thread = Thread {
      var block = [UInt8](repeating: 0, count: 16_384)
      while true {
        // Again each time: a folder that was replaced is another one. What is watched stays so.
        for folder in folders { inotify_add_watch(events, folder, Self.eventsMask) }
        // What happens from here on wakes the poll; what happened before is seen by this look.
        while read(events, &block, block.count) > 0 {}
        changed()
        var waited = [
          pollfd(fd: stopReader, events: Int16(POLLIN), revents: 0),
          pollfd(fd: events, events: Int16(POLLIN), revents: 0),
        ]
        poll(&waited, 2, pauseMillis)
        guard waited[0].revents == 0 else { break }
        if waited[1].revents != 0 { usleep(Self.settleMicros) }
      }
      close(events)
      close(stopReader)
    }
    thread.stackSize = 512 << 10
    thread.start()
  }

  /// Ends it, after the look that may be going on.
  func stop() { close(stopWriter) }
}
