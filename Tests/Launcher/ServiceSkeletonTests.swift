import Charters
import Foundation
import Launcher
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
    for path in [
      ServiceSkeleton.packageFile, ServiceSkeleton.operatorFile, ServiceSkeleton.auditFile,
    ] {
      texts[path] = try Self.text(path)
    }
    let changed = try skeleton.changed(texts)
    let package = try #require(changed[ServiceSkeleton.packageFile])
    #expect(package.contains("contract(\"Loans\")"))
    #expect(package.contains("+ service(\"Loans\")\n"))
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
    for charter in set.charters {
      for operation in charter.operations where operation.id != "appendRecords" {
        #expect(
          !set.mayCall(caller: "loans", service: charter.service, operation: operation.id),
          "\(charter.service).\(operation.id)")
      }
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
