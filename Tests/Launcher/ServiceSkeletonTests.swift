import Charters
import Foundation
import Launcher
import StrictJSON
import Testing
import Vocabulary

@Suite struct `A new service` {
  static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path(percentEncoded: false)

  static func text(_ path: String) throws -> String {
    let bytes = try #require(try WholeFile.read("\(root)/\(path)"), "\(path)")
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test func `holds together with the others, and may do what it declares and no more`() throws {
    let present = try CharterFolder.read(Self.root)
    let skeleton = try ServiceSkeleton("loans", among: CharterSet.load(present))
    var texts: [String: String] = [:]
    for path in ServiceSkeleton.changedFiles {
      texts[path] = try Self.text(path)
    }
    let changed = try skeleton.changed(texts)
    let package = try #require(changed[ServiceSkeleton.packageFile])
    #expect(package.contains("contract(\"Loans\")"))
    #expect(package.contains("+ service(\"Loans\")\n"))
    let program = try #require(changed[ServiceSkeleton.programFile])
    #expect(program.contains("import Ledger\nimport Loans\nimport Payments\n"))
    #expect(program.contains(".self,\n  LoansService.self,\n]\n"))
    var files = present.map { file in
      let new = changed.first {
        file.name == "\(Self.root)/\($0.key)" || file.name.hasSuffix("/" + $0.key)
      }
      return CharterFile(name: file.name, text: new?.value ?? file.text)
    }
    let path = "Sources/Services/Loans/charter.yaml"
    files.append(CharterFile(name: path, text: try #require(skeleton.newFiles[path])))
    let set = try CharterSet.load(files)
    #expect(set.mayCall(caller: "operator", service: "loans", operation: "describeLoans"))
    #expect(set.mayCall(caller: "loans", service: "audit", operation: "appendRecords"))
    #expect(set.mayCall(caller: "loans", service: "authority", operation: "listRevocations"))
    for charter in set.charters {
      let fabric = ["appendRecords", "listRevocations"]
      for operation in charter.operations where !fabric.contains(operation.id) {
        #expect(
          !set.mayCall(caller: "loans", service: charter.service, operation: operation.id),
          "\(charter.service).\(operation.id)")
      }
    }
  }

  @Test func `tells in its contract what any request may be answered with`() throws {
    let set = try CharterFolder.load(Self.root)
    let skeleton = try ServiceSkeleton("loans", among: set)
    let text = try #require(skeleton.newFiles["Sources/Services/Loans/openapi.yaml"])
    // Of the gateway's document everything is kept, so all of it can be looked at.
    let door = try #require(set["gateway"])
    let contract = try #require(try PublicContract.of(door, text: text))
    for answer in DoorAnswer.all {
      let place = "/paths/~1v1~1loans/get/responses/\(answer.status)/$ref"
      #expect(contract.value(at: place)?.string == "#/components/responses/\(answer.name)")
      #expect(contract.value(at: "/components/responses/\(answer.name)") == answer.response)
      #expect(text.contains("  '\(answer.status)': {$ref: "))
    }
  }

  @Test(arguments: ["", "Loans", "my-loans", "9loans", "ledger", "operator"])
  func `is not begun under a name that is taken or none`(name: String) throws {
    let set = try CharterFolder.load(Self.root)
    #expect(throws: ServiceSkeleton.Refusal.self) { try ServiceSkeleton(name, among: set) }
  }

  @Test func `is not begun where Package.swift does not look as known`() throws {
    let skeleton = try ServiceSkeleton("loans", among: CharterFolder.load(Self.root))
    #expect(throws: ServiceSkeleton.Refusal.self) {
      try skeleton.changed([ServiceSkeleton.packageFile: "// other"])
    }
  }
}
