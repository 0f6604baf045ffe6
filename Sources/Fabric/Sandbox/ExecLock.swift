import CSandbox
import Glibc

/// The last thing a process needs `execve` for is to become what it is. A service takes the call
/// away from itself before it reads its first byte of input.
package enum ExecLock {
  static let filter = SystemCallFilter(
    rules: ["execve", "execveat", "seccomp"].map { SystemCallFilter.Rule($0, .fail(EPERM)) },
    otherwise: .allow)

  /// From now on no thread of this process can execute a program, nor change its filters.
  /// - Returns: whether the kernel agreed; a kernel without seccomp does not.
  @discardableResult
  package static func close() -> Bool {
    csandbox_no_new_privileges() == 0 && filter.install() == 0
  }
}
