import Glibc
import Sandbox
import StrictJSON

/// The two pipes between the launcher and a stage: the plan goes in on its standard input, a
/// failure comes back. Closes what is left open when it goes.
struct StageLine: ~Copyable {
  /// For the child.
  let planEnd: Int32
  let reportEnd: Int32
  private let answer: Int32

  /// Longest time a stage takes to become the service, milliseconds.
  static let waitMillis: Int32 = 10_000

  private init(planEnd: Int32, reportEnd: Int32, answer: Int32) {
    self.planEnd = planEnd
    self.reportEnd = reportEnd
    self.answer = answer
  }

  /// The plan lies in its pipe, complete, when this returns.
  static func open(_ plan: StagePlan) throws(LaunchFailure) -> StageLine {
    guard let bytes = try? StrictJSON.encode(plan), bytes.count < StagePlan.bytesMax else {
      throw .system(call: "encode the plan of a confinement", code: EINVAL)
    }
    let input = try pipe()
    // A pipe holds the whole plan (pipe(7)), so nobody has to read while we write.
    let isWritten = writeAll(bytes, to: input.write)
    close(input.write)
    guard isWritten, let report = try? pipe() else {
      close(input.read)
      throw .system(call: "pass on the plan of a confinement", code: errno)
    }
    return StageLine(planEnd: input.read, reportEnd: report.write, answer: report.read)
  }

  deinit { close(answer) }

  /// After the start: the child has its own ends.
  func closeChildEnds() {
    close(planEnd)
    close(reportEnd)
  }

  /// Waits until the stage has become the service, which closes its end unwritten.
  func untilConfined(_ name: String) throws(LaunchFailure) {
    var text: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 1_024)
    while text.count < 4_096 {
      var waited = pollfd(fd: answer, events: Int16(POLLIN), revents: 0)
      let ready = poll(&waited, 1, Self.waitMillis)
      if ready < 0, errno == EINTR { continue }
      guard ready > 0 else { throw .notConfined(name: name, reason: "the stage does not end") }
      let count = read(answer, &block, block.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      text += block[..<count]
    }
    guard text.isEmpty else {
      throw .notConfined(name: name, reason: String(decoding: text, as: UTF8.self))
    }
  }

  private static func pipe() throws(LaunchFailure) -> (read: Int32, write: Int32) {
    var ends: [Int32] = [0, 0]
    guard Glibc.pipe(&ends) == 0 else { throw .system(call: "pipe", code: errno) }
    // The launcher starts one process at a time, so no child can inherit an end in between.
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }
}
