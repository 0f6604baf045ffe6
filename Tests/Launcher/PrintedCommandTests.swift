import Charters
import Commands
import Foundation
import Launcher
import PolicyBundles
import PolicyEngine
import StrictJSON
import TestKit
import Testing
import Vocabulary

@Suite struct `A command as it is printed` {
  @Test func `names the home that was named, as a shell reads it`() {
    let plain = PrintedCommand(program: "./strongroom", home: nil)
    #expect(plain.text("logs", "-f") == "./strongroom logs -f")
    let home = PrintedCommand(program: "./strongroom", home: "/srv/it's mine")
    #expect(home.text("demo") == #"./strongroom demo --home '/srv/it'\''s mine'"#)
    #expect(home.text("audit", isAboutHome: false) == "./strongroom audit")
  }

  @Test func `is one word for each word in every shell`() throws {
    for word in ["", "a b", "$(id)", "a'b\"c", "*", "~", "x;y", "-", "ü", "a\nb"] {
      let shell = Process()
      shell.executableURL = URL(filePath: "/bin/sh")
      shell.arguments = ["-c", "printf '%s' \(PrintedCommand.quoted(word))"]
      let pipe = Pipe()
      shell.standardOutput = pipe
      try shell.run()
      let said = pipe.fileHandleForReading.readDataToEndOfFile()
      shell.waitUntilExit()
      #expect(String(decoding: said, as: UTF8.self) == word)
    }
  }
}

@Suite struct `What a service refuses the operator` {
  @Test(
    arguments: [
      (
        #"{"title":"The client cannot be registered","detail":"one at least","field":"redirect_uris"}"#,
        "identity refused: The client cannot be registered; redirect_uris: one at least"
      ),
      (#"{"title":"There is no such thing"}"#, "identity refused: There is no such thing"),
      (#"{"title":"T","detail":"d"}"#, "identity refused: T; d"),
      ("<html>", "identity refused: status 422"), ("", "identity refused: status 422"),
    ])
  func `is told with the field that the service named`(body: String, text: String) {
    let failure = OperatorFailure.refused(by: "identity", 422, Array(body.utf8))
    #expect(failure.description == text)
    #expect(failure.exitCode == .refused)
  }
}

@Suite struct `A purpose that no role allows` {
  private static let checkout = #filePath.components(separatedBy: "/Tests/")[0]

  private func shipped() throws -> (set: CharterSet, files: [CharterFile]) {
    let files = try CharterFolder.read(Self.checkout)
    return (try CharterFolder.check(files), files)
  }

  @Test func `is none of the shipped ones`() throws {
    let (set, files) = try shipped()
    #expect(PurposeGap.all(set, in: files, by: try TestPolicies.shipped.get().data).isEmpty)
  }

  @Test func `is told with its place and what to add`() throws {
    let (set, files) = try shipped()
    let lists = #"""
      {"access": {"default_roles": {"person": ["reader"]}, "roles": {
        "all": {"purposes": {"account.read": {}, "payment.read": {}, "profile.read": {}, "account.manage": {}}},
        "reader": {"purposes": {"identity.userinfo": {}}}}}}
      """#
    let gaps = PurposeGap.all(set, in: files, by: try Value.parse(json: Array(lists.utf8)))
    let gap = try #require(gaps.first)
    #expect(gaps.count == 1 && gap.purpose == "payment.create" && gap.role == "reader")
    #expect(gap.operations == ["ledger/createHold", "payments/createPayment"])
    let text = try String(contentsOfFile: gap.file, encoding: .utf8)
    #expect(
      text.split(separator: "\n", omittingEmptySubsequences: false)[gap.line - 1].contains(
        "purpose: payment.create"))
    #expect(
      gap.description.contains(
        #"add "payment.create": {} to access.roles.reader.purposes in Policies/data.json"#))
  }

  @Test func `is not asked of policies without roles`() throws {
    let (set, files) = try shipped()
    #expect(PurposeGap.all(set, in: files, by: .object(.empty)).isEmpty)
  }
}
