import Foundation

/// An attacker's process: opens as many connections as it can and says nothing on them, or only how it
/// would begin. In Python, so that its descriptors and its process id are not the test's.
package final class SilentCrowd {
  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()

  private static let program = #"""
    import os, selectors, socket, sys, threading
    target, count, hello, again = sys.argv[1], int(sys.argv[2]), bytes.fromhex(sys.argv[3]), sys.argv[4] == "again"
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    watch = selectors.DefaultSelector()
    made, lost = 0, 0

    def come():
        global made
        unix = target.startswith("/")
        line = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
        line.connect(target if unix else ("127.0.0.1", int(target)))
        line.setblocking(False)
        try:
            line.sendall(hello)
        except OSError:
            pass
        watch.register(line, selectors.EVENT_READ)
        made += 1
        if made == count:
            print("there", flush=True)

    for _ in range(count):
        come()
    while True:
        for key, _ in watch.select():
            try:
                if key.fileobj.recv(65536):
                    continue
            except OSError:
                pass
            watch.unregister(key.fileobj)
            key.fileobj.close()
            lost += 1
            # Seldom, where it goes on for ever: a full pipe would hold it up.
            if not again or lost % 100 == 0:
                print(lost, flush=True)
            if again:
                come()
    """#

  /// Returns when all have connected once.
  ///
  /// - Parameters:
  ///   - target: a Unix socket's path, or a port of 127.0.0.1.
  ///   - comesAgain: whether a connection that is closed is followed by another.
  package init(
    _ count: Int, at target: String, saying hello: [UInt8] = [], comesAgain: Bool = false
  )
    throws
  {
    process.executableURL = URL(filePath: "/usr/bin/python3")
    let digits = hello.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    process.arguments = [
      "-c", Self.program, target, "\(count)", digits, comesAgain ? "again" : "once",
    ]
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    while let line = readLine(), line != "there" {}
  }
  deinit { process.terminate() }

  /// Reads what it tells until so many of its connections were closed.
  package func untilLost(_ count: Int) -> Bool {
    while let line = readLine() {
      if let lost = Int(line), lost >= count {
        return true
      }
    }
    return false
  }

  private var rest: [UInt8] = []

  /// Nil at its end.
  private func readLine() -> String? {
    while true {
      if let end = rest.firstIndex(of: 0x0a) {
        defer { rest.removeSubrange(...end) }
        return String(decoding: rest[..<end], as: UTF8.self)
      }
      let more = output.fileHandleForReading.availableData
      if more.isEmpty { return nil }
      rest += more
    }
  }
}
