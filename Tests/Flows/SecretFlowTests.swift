import Commands
import Launcher
import StrictJSON
import Testing

@Suite(.serialized) struct `The secrets of a running platform` {
  private static let value = "correct horse battery staple"

  @Test func `are set, listed and removed by the command, and no answer has the value`()
    async throws
  {
    let platform = try RunningPlatform()
    let up = try await platform.up(["--limits-factor", "1000"])
    try #require(up.exitCode == 0, "\(up.output)")
    do {
      try await setListRemove(platform)
      try await refusals(platform)
    } catch {
      await platform.down()
      throw error
    }
    await platform.down()
  }

  private func setListRemove(_ platform: RunningPlatform) async throws {
    func run(_ words: [String], _ input: String? = nil) async throws -> String {
      let outcome = try await platform.command(["secret"] + words, input: input)
      #expect(outcome.exitCode == 0, "\(words): \(outcome.output)")
      #expect(!outcome.output.contains("horse"))
      return outcome.output
    }
    func standing() async throws -> JSON? {
      let list = try await run(["list", "customers", "--json"])
      return try JSON.parse(Array(list.utf8.prefix { $0 != 0x0a }))["secrets"]?.array?.first
    }
    #expect(try await standing()?["version"] == nil)
    #expect(try await run(["set", "customers", "drill-canary"], Self.value + "\n").contains("1"))
    let set = try await standing()
    #expect(set?["name"] == "drill-canary" && set?["version"] == 1 && set?["is_named"] == true)
    #expect(try await run(["list", "customers"]).contains("in force"))
    // The running service takes it over by itself.
    var logs = ""
    for _ in 0..<20 where !logs.contains("secrets were taken over") {
      try await Task.sleep(for: .milliseconds(500))
      logs = try await platform.command(["logs", "customers"]).output
    }
    #expect(logs.contains("secrets were taken over") && !logs.contains("horse"))
    _ = try await run(["remove", "customers", "drill-canary"])
    #expect(try await standing()?["version"] == nil)
  }

  private func refusals(_ platform: RunningPlatform) async throws {
    let table: [(words: [String], input: String, code: CommandExit, says: String)] = [
      (["set", "ledger", "drill-canary"], Self.value, .refused, "under 'secrets' in its charter"),
      (["set", "customers", "root-key"], Self.value, .refused, "makes root-key itself"),
      (["set", "customers", "drill-canary"], "", .noInput, "no value came on standard input"),
      (
        ["set", "customers", "drill-canary"], String(repeating: "x", count: 16_385), .badInput,
        "longer than 16384 bytes"
      ),
      (["remove", "customers", "drill-canary"], "", .refused, "no such thing"),
    ]
    for (words, input, code, says) in table {
      let outcome = try await platform.command(["secret"] + words, input: input)
      #expect(outcome.exitCode == code.rawValue, "\(words): \(outcome.output)")
      #expect(outcome.output.contains(says), "\(words): \(outcome.output)")
    }
  }
}
