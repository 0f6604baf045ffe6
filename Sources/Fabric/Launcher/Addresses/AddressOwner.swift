import Glibc
import Vocabulary

/// The launcher that made a table of address rules, as the table's own comment says: who was killed could not take his away.
package struct AddressOwner: Hashable, Sendable {
  package let pid: Int32
  /// With the pid, names one process for ever.
  package let startTicks: UInt64
  /// In which pids were counted: another container's are not ours.
  package let pidSpace: String

  package init(pid: Int32, startTicks: UInt64, pidSpace: String) {
    self.pid = pid
    self.startTicks = startTicks
    self.pidSpace = pidSpace
  }

  /// This process. Nil where /proc does not say.
  package static var own: AddressOwner? {
    guard let ticks = ProcessTable.startTicks(getpid()), let space = ownSpace else { return nil }
    return AddressOwner(pid: getpid(), startTicks: ticks, pidSpace: space)
  }

  /// What stands in the table: at most 127 bytes (nft(8)).
  package var comment: String { "launcher \(pid) \(startTicks) \(pidSpace)" }

  /// - Parameter comment: nil for anything that no launcher wrote.
  package init?(comment: String) {
    let words = comment.split(separator: " ").map(String.init)
    guard words.count == 4, words[0] == "launcher", let pid = Int32(words[1]),
      let ticks = UInt64(words[2]), pid > 0
    else { return nil }
    self.init(pid: pid, startTicks: ticks, pidSpace: words[3])
  }

  /// Whether it is certain that this launcher is no more. What was counted elsewhere is never certain.
  package var isGone: Bool {
    pidSpace == Self.ownSpace && ProcessTable.startTicks(pid) != startTicks
  }

  private static var ownSpace: String? {
    var target = [UInt8](repeating: 0, count: 64)
    let count = target.withUnsafeMutableBytes {
      $0.baseAddress.map {
        readlink("/proc/self/ns/pid", $0.assumingMemoryBound(to: CChar.self), 64)
      } ?? -1
    }
    guard count > 0 else { return nil }
    // `pid:[4026531836]`
    return String(decoding: target[..<count].filter { (48...57).contains($0) }, as: UTF8.self)
  }
}
