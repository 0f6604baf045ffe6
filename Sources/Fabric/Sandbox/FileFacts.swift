import CSandbox
import Glibc

/// What the kernel says of a file (stat(2)).
package struct FileFacts: Hashable, Sendable {
  /// Which file it is, and in which state: every write changes the time of change, which nobody can set.
  package struct Identity: Hashable, Sendable {
    package let device: UInt64
    package let inode: UInt64
    package let size: Int64
    package let changedSeconds: Int64
    let changedNanoseconds: Int64
  }

  package let identity: Identity
  /// Permission bits.
  package let mode: UInt32
  package let user: UInt32
  package let group: UInt32
  /// A regular file; a folder. Neither for links, devices, pipes and sockets.
  package let isFile: Bool
  package let isFolder: Bool

  /// Of an open file; nil with errno.
  package init?(descriptor: Int32) {
    var facts = csandbox_file_facts()
    guard csandbox_facts_of(descriptor, &facts) == 0 else { return nil }
    self.init(facts)
  }

  /// Of what lies at a path, the link itself where it is one; nil with errno.
  package init?(at path: String) {
    var facts = csandbox_file_facts()
    guard csandbox_facts_at(path, &facts) == 0 else { return nil }
    self.init(facts)
  }

  private init(_ facts: csandbox_file_facts) {
    identity = Identity(
      device: facts.device, inode: facts.inode, size: facts.size,
      changedSeconds: facts.changed_seconds, changedNanoseconds: facts.changed_nanoseconds)
    mode = facts.mode & 0o7777
    user = facts.user
    group = facts.group
    isFile = facts.mode & S_IFMT == S_IFREG
    isFolder = facts.mode & S_IFMT == S_IFDIR
  }
}
