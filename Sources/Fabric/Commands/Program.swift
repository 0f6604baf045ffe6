import Glibc

/// The programs that people's commands live in, by what they are for, so that each holds only what it needs. People call one,
/// `strongroom`; it becomes the program in which a command lives.
package enum Program: String, CaseIterable, Sendable {
  /// Run and look.
  case strongroom
  /// What `up` leaves running.
  case launcher = "strongroom-launcher"
  /// Rego at the command line, and the policy server.
  case policy = "strongroom-policy"
  /// Demo, drills, benches, soaks and public suites.
  case lab = "strongroom-lab"

  /// Commands of the lab, by their first word. The checkout's script knows the same list.
  package static let labCommands: Set<String> = ["bench", "conformance", "demo", "drill", "soak"]
  /// Commands below `policy` that are about the running platform; the others need none.
  package static let platformPolicyCommands: Set<String> = ["publish", "status"]

  /// Where the command of these words lives; also of `help COMMAND`.
  /// - Parameter words: without the program's own name.
  package init(of words: [String]) {
    let words = words.first == "help" ? words.dropFirst() : words[...]
    guard let command = words.first else {
      self = .strongroom
      return
    }
    if Self.labCommands.contains(command) {
      self = .lab
    } else if command == "policy" {
      let isOfPlatform = words.dropFirst().first.map(Self.platformPolicyCommands.contains) ?? false
      self = isOfPlatform ? .strongroom : .policy
    } else {
      self = .strongroom
    }
  }

  /// Beside the program that runs now, with links resolved.
  package var path: String {
    var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/self/exe", &bytes, bytes.count)
    let own = String(
      decoding: bytes.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return own.split(separator: "/", omittingEmptySubsequences: false).dropLast()
      .joined(separator: "/") + "/\(rawValue)"
  }

  /// Goes on as this program, in the same process and under the name that was called.
  /// - Returns: only where that is not possible, after saying why.
  package func become(_ words: [String]) -> CommandExit {
    let called = CommandLine.arguments.first ?? rawValue
    var arguments = ([called] + words).map { strdup($0) }
    arguments.append(nil)
    execv(path, arguments)
    let reason = errno
    for argument in arguments { free(argument) }
    guard reason == ENOENT else {
      complain("\(path) cannot be started: \(String(cString: strerror(reason)))")
      return .system
    }
    complain("\(path) is missing; build it with './strongroom build'")
    return .noInput
  }
}

/// Of the commands and what they start.
package let buildVersion = "0.1.0"
