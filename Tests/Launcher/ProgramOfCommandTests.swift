import Commands
import Foundation
import Testing

/// Which program a command lives in.
@Suite struct `A command` {
  @Test(arguments: [
    ("up", Program.strongroom), ("status --json", .strongroom), ("", .strongroom),
    ("--help", .strongroom), ("help exit-codes", .strongroom), ("demo --residents 3", .lab),
    ("help drill", .lab), ("soak ledger --hours 1", .lab), ("policy", .policy),
    ("policy eval 1+1", .policy), ("help policy", .policy), ("policy publish", .strongroom),
    ("policy status --json", .strongroom), ("help policy publish", .strongroom),
    ("trace demo", .strongroom),
  ])
  func `lives in one program`(line: String, program: Program) {
    #expect(Program(of: line.split(separator: " ").map(String.init)) == program)
  }

  /// The script builds what a command needs before anything of it is there.
  @Test func `is found by the script where the program finds it`() throws {
    let checkout = #filePath.components(separatedBy: "/Tests/").first ?? "."
    let script = try String(contentsOfFile: "\(checkout)/strongroom", encoding: .utf8)
    let list = try #require(script.firstMatch(of: /\nlab_commands=\((.*)\)\n/)).output.1
    #expect(Set(list.split(separator: " ").map(String.init)) == Program.labCommands)
    let apart = try #require(script.firstMatch(of: /\n    ("policy .*)\) say strongroom ;;\n/))
    #expect(
      Set(apart.output.1.matches(of: /policy ([a-z]+)/).map { String($0.output.1) })
        == Program.platformPolicyCommands)
  }

  /// People read one list, whichever program has the command.
  @Test func `is in the help of strongroom with the words of its own help`() throws {
    let all = try help("strongroom", [])
    for (command, words) in [
      ("demo", CommandAbstract.demo), ("drill", CommandAbstract.drill),
      ("bench", CommandAbstract.bench), ("soak", CommandAbstract.soak),
      ("conformance", CommandAbstract.conformance), ("policy", CommandAbstract.policy),
    ] {
      #expect(all.contains(command) && all.contains(words.prefix(40)))
      let own = try help("strongroom", [command])
      #expect(own.contains(words.prefix(40)), "\(own)")
      #expect(own.contains("USAGE: strongroom \(command)"), "\(own)")
    }
    #expect(try help("strongroom", ["policy", "publish"]).contains("strongroom policy publish"))
    #expect(try help("strongroom-policy", ["policy", "publish"]).contains("policy publish"))
  }

  private func help(_ program: String, _ words: [String]) throws -> String {
    let checkout = #filePath.components(separatedBy: "/Tests/").first ?? "."
    let process = Process()
    process.executableURL = URL(filePath: "\(checkout)/.build/debug/\(program)")
    process.arguments = words + ["--help"]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return String(decoding: bytes, as: UTF8.self)
  }
}
