import CSandbox
import Glibc

/// The last thing a process needs `execve` for is to become what it is, and the last code that it
/// maps is that of its libraries. A service takes both away from itself before it reads its first
/// byte of input.
package enum ExecLock {
  private static let executable: UInt32 = 4  // PROT_EXEC
  static let filter = SystemCallFilter(
    rules: ["execve", "execveat", "seccomp"].map { SystemCallFilter.Rule($0, .fail(EPERM)) } + [
      SystemCallFilter.Rule(
        "mmap", .fail(EPERM), when: .masked(2, executable, isOneOf: [executable])),
      SystemCallFilter.Rule(
        "mprotect", .fail(EPERM), when: .masked(2, executable, isOneOf: [executable])),
    ],
    otherwise: .allow)

  /// From now on no thread of this process can execute a program, make a file's bytes its code, or
  /// change its filters.
  /// - Returns: whether the kernel agreed; a kernel without seccomp does not.
  @discardableResult
  package static func close() -> Bool {
    csandbox_no_new_privileges() == 0 && filter.install() == 0
  }
}
