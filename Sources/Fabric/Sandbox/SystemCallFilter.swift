import CSandbox
import Glibc

/// Which system calls a process may make: a value that is assembled into a classic BPF program for
/// seccomp(2). Nothing is installed here, see `Stage` and `ExecLock`.
package struct SystemCallFilter: Hashable, Sendable {
  /// What becomes of a call.
  package enum Verdict: Hashable, Sendable {
    case allow
    /// The call is not made; the caller sees this errno.
    case fail(Int32)
  }

  /// A test of an argument's low 32 bits; the kernel reads no more of the arguments that are tested
  /// here (`int` or `unsigned int`; clone(2) takes its flags from the low half).
  package struct Condition: Hashable, Sendable {
    /// 0–5.
    let argument: Int
    let mask: UInt32
    let value: [UInt32]
    /// Whether the masked argument must be one of the values, or none of them.
    let isOneOf: Bool

    /// Argument `argument & mask` is one of `values`.
    package static func masked(
      _ argument: Int, _ mask: UInt32, isOneOf values: [UInt32]
    ) -> Condition {
      Condition(argument: argument, mask: mask, value: values, isOneOf: true)
    }
    /// Argument `argument & mask` is not `value`.
    package static func masked(_ argument: Int, _ mask: UInt32, isNot value: UInt32) -> Condition {
      Condition(argument: argument, mask: mask, value: [value], isOneOf: false)
    }
  }

  /// One call. Where its conditions do not all hold, the filter's `otherwise` is the answer.
  package struct Rule: Hashable, Sendable {
    let call: String
    let conditions: [Condition]
    let verdict: Verdict

    package init(_ call: String, _ verdict: Verdict = .allow, when conditions: Condition...) {
      self.call = call
      self.verdict = verdict
      self.conditions = conditions
    }
  }

  /// One rule for each call; the first of two would win.
  package let rules: [Rule]
  /// For calls without a rule.
  package let otherwise: Verdict

  package init(rules: [Rule], otherwise: Verdict) {
    self.rules = rules
    self.otherwise = otherwise
  }

  /// The names that this machine's architecture does not have; their rules are left out.
  package var unknownCalls: [String] {
    rules.map(\.call).filter { csandbox_system_call($0) < 0 }
  }

  /// Whether the kernel has seccomp with errno answers (seccomp(2), SECCOMP_GET_ACTION_AVAIL).
  package static var isAvailable: Bool {
    csandbox_seccomp_has_action(UInt32(SECCOMP_RET_ERRNO)) == 0
  }

  /// Puts it over all threads of this process, for ever, on top of any filter that is there.
  /// - Returns: 0, or the errno of seccomp(2).
  package func install() -> Int32 {
    let program = assembled()
    return program.withUnsafeBufferPointer {
      csandbox_seccomp_install($0.baseAddress, UInt16($0.count)) == 0 ? 0 : errno
    }
  }

  // MARK: Assembling

  // <linux/bpf_common.h>: class, size and mode of the five instructions that are needed.
  private static let load: UInt16 = 0x20
  private static let and: UInt16 = 0x54
  private static let jumpIfEqual: UInt16 = 0x15
  private static let jump: UInt16 = 0x05
  private static let answer: UInt16 = 0x06
  // Offsets in `struct seccomp_data`; both architectures are little-endian, so the low half is first.
  private static let numberOffset: UInt32 = 0
  private static let architectureOffset: UInt32 = 4
  private static func offset(ofArgument index: Int) -> UInt32 { UInt32(16 + 8 * index) }

  func assembled() -> [sock_filter] {
    // A call by another architecture's numbers (int 0x80) would be judged by the wrong list.
    var program = [
      Self.step(Self.load, Self.architectureOffset),
      Self.step(Self.jumpIfEqual, csandbox_architecture(), yes: 1),
      Self.step(Self.answer, 0x8000_0000),  // SECCOMP_RET_KILL_PROCESS
      Self.step(Self.load, Self.numberOffset),
    ]
    for rule in rules {
      let number = csandbox_system_call(rule.call)
      guard number >= 0 else { continue }
      let body = rule.conditions.flatMap { test($0) } + [Self.step(rule.verdict)]
      program.append(Self.step(Self.jumpIfEqual, UInt32(number), no: UInt8(body.count)))
      program += body
    }
    return program + [Self.step(otherwise)]
  }

  /// Goes on behind itself where the condition holds, and answers `otherwise` where not.
  private func test(_ condition: Condition) -> [sock_filter] {
    let count = condition.value.count
    let comparisons = condition.value.enumerated().map { index, value in
      Self.step(Self.jumpIfEqual, value, yes: UInt8(count - index))
    }
    return [
      Self.step(Self.load, Self.offset(ofArgument: condition.argument)),
      Self.step(Self.and, condition.mask),
    ] + comparisons + (condition.isOneOf ? [] : [Self.step(Self.jump, 1)])
      + [Self.step(otherwise)]
  }

  private static func step(
    _ code: UInt16, _ operand: UInt32, yes: UInt8 = 0, no: UInt8 = 0
  ) -> sock_filter {
    sock_filter(code: code, jt: yes, jf: no, k: operand)
  }

  private static func step(_ verdict: Verdict) -> sock_filter {
    switch verdict {
    case .allow: step(answer, UInt32(SECCOMP_RET_ALLOW))
    case .fail(let code): step(answer, UInt32(SECCOMP_RET_ERRNO) | UInt32(code))
    }
  }
}
