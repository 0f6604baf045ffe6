@preconcurrency import Glibc

/// Makes sure at the end that what was printed was written, for `print` says nothing of a full disk: an export that was
/// cut must not look whole.
package enum WrittenOutput {
  /// From now on, whatever ends this process.
  package static func require() {
    _ = on_exit(
      { status, _ in
        errno = 0
        let isFlushed = fflush(stdout) == 0
        let reason = errno
        // What could not be written before is remembered in the stream. Whoever reads no further, as `head` does, misses
        // nothing.
        guard status == 0, !isFlushed || ferror(stdout) != 0, reason != EPIPE else { return }
        let why = reason == 0 ? "" : ": \(String(cString: strerror(reason)))"
        complain("the output could not be written whole\(why)")
        _exit(CommandExit.outputLost.rawValue)
      }, nil)
  }
}
