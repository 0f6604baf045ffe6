import AuthorityAPI
import Commands
import Glibc
package import Vocabulary

/// A secret as it comes on standard input: never as an argument, which others can read in the list of processes.
package enum SecretInput {
  /// From a terminal one line, which is not shown; from anything else all there is.
  /// - Throws: `OperatorFailure` for nothing, and for more than a secret may have.
  package static func read() throws(OperatorFailure) -> Secret {
    var before = termios()
    let isTerminal = isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &before) == 0
    if isTerminal {
      var silent = before
      silent.c_lflag &= ~tcflag_t(ECHO)
      tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
      let prompt = Array("value: ".utf8)
      _ = write(STDERR_FILENO, prompt, prompt.count)
    }
    defer {
      if isTerminal {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before)
        _ = write(STDERR_FILENO, [0x0a], 1)
      }
    }
    return try read(from: STDIN_FILENO, isLine: isTerminal)
  }

  /// - Parameter isLine: whether it ends with the first line.
  package static func read(
    from descriptor: Int32, isLine: Bool = false
  ) throws(OperatorFailure) -> Secret {
    let most = SecretLimits.valueBytes.upperBound
    // Room for a line end, and for one byte more, which is one too many. Made once: growing would leave copies.
    var bytes = [UInt8](repeating: 0, count: most + 3)
    defer { bytes.wipe() }
    var count = 0
    while count < bytes.count {
      let more = bytes.withUnsafeMutableBytes {
        Glibc.read(descriptor, $0.baseAddress.map { $0 + count }, $0.count - count)
      }
      if more < 0, errno == EINTR { continue }
      guard more >= 0 else {
        throw OperatorFailure("standard input cannot be read: \(errorText(errno))", .noInput)
      }
      guard more > 0 else { break }
      count += more
      if isLine, bytes[..<count].contains(0x0a) { break }
    }
    if count > 0, bytes[count - 1] == 0x0a {
      count -= 1
      if count > 0, bytes[count - 1] == 0x0d { count -= 1 }
    }
    guard count > 0 else {
      throw OperatorFailure("no value came on standard input; nothing was set", .noInput)
    }
    guard count <= most else {
      throw OperatorFailure(
        "the value is longer than \(most) bytes; nothing was set", .badInput)
    }
    return Secret(bytes[..<count])
  }
}
