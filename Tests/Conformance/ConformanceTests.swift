import Conformance
import Foundation
import PolicyEngine
import StrictJSON
import TestKit
import Testing

/// The cases that lie beside the checkout, by the same code as `strongroom conformance`; OPA's are in `Tests/PolicyEngine`.
@Suite struct `The public suites` {
  private static let suites = ConformanceSuite.all(timeZones: TimeZones(files: [:]))

  @Test(arguments: [
    ("authz", 269), ("crypto", 1_130), ("http", 1_858), ("jsonschema", 1_200), ("jwt", 104_011),
    ("merkle", 242), ("openapi", 29),
    ("pii", 628),
    ("spiffe", 29), ("waf", 1_187), ("x509-limbo", 206),
  ])
  func `pass in every case that is in scope`(_ name: String, _ count: Int) throws {
    let suite = try #require(Self.suites.first { $0.name == name })
    let area = try #require(suite.folder.split(separator: "/").first)
    guard let folder = Testdata.folder(String(area)) else { return }
    let root = String(folder.dropLast(area.count + 1))
    let report = try #require(try suite.run(in: root))
    for line in report.lines { print(line) }
    for failure in report.failures.prefix(20) {
      Issue.record("\(failure.id): expected \(failure.expected), came \(failure.came)")
    }
    #expect(report.failures.isEmpty && report.all >= count, "\(report.all) cases")
  }

  @Test func `run over any folder, and fail where a case is not as it says`() throws {
    guard let folder = Testdata.folder("merkle") else { return }
    let scratch = FileManager.default.temporaryDirectory.appending(
      path: "conformance-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: scratch) }
    let merkle = scratch.appending(path: "merkle")
    try FileManager.default.createDirectory(at: merkle, withIntermediateDirectories: true)
    // One good proof that is said to be bad, and one as it was.
    let bytes = try #require(
      FileManager.default.contents(atPath: "\(folder)/merkle-inclusion.json"))
    let good = try #require(
      JSON.parse([UInt8](bytes)).array?.first { $0["wantErr"]?.bool == false })
    var turned = try #require(good.object)
    turned["wantErr"] = .bool(true)
    let file = merkle.appending(path: "merkle-inclusion.json")
    try Data(JSON.array([good, .object(turned)]).canonicalBytes).write(to: file)
    let suite = try #require(Self.suites.first { $0.name == "merkle" })
    let root = scratch.path(percentEncoded: false)
    let report = try #require(try suite.run(in: root))
    #expect(report.passed == 1 && report.failures.map(\.verdict) == [.failed])
    #expect(report.lines == ["merkle: passes 1 of 2"])
    // What is not of the suite's form is said, and what is not there is no pass.
    try Data("{}".utf8).write(to: file)
    #expect(throws: CaseFileError.self) { try suite.run(in: root) }
    #expect(try suite.run(in: root + "/nowhere") == nil)
  }
}
