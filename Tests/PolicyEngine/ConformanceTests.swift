import Conformance
import PolicyEngine
import TestKit
import Testing

@Suite struct `The policy engine` {
  @Test func `decides as OPA does, but for the cases that are listed with a reason`() throws {
    guard let folder = Testdata.folder("rego/opa-v1") else { return }
    let suite = try #require(
      ConformanceSuite.all(timeZones: .samples).first { $0.name == "rego" })
    let report = try #require(try suite.run(in: String(folder.dropLast(suite.folder.count + 1))))
    for line in report.lines { print(line) }
    for failure in report.failures { Issue.record("\(failure.id): \(failure.came)") }
    #expect(report.passed >= 948)
  }
}
