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

  /// Most lines of one: three operations, one of them public, a table and a machine, with documents and tests.
  static let linesMax = 350

  @Test func `is the example that is built and tested, and costs less than 350 lines and one row`()
    throws
  {
    let skeleton = try ServiceSkeleton("notes", among: CharterFolder.load(Self.root))
    var lines = 0
    for (path, text) in skeleton.newFiles.sorted(by: { $0.key < $1.key }) {
      #expect(try Self.text("Examples/Notes/\(path)") == text, "\(path)")
      lines += text.split(separator: "\n", omittingEmptySubsequences: false).count - 1
    }
    print(
      "a new service: \(lines) lines in \(skeleton.newFiles.count) files, and one row elsewhere")
    #expect(lines < Self.linesMax)
    // Nothing lies in the example that the command would not write.
    let files = FileManager.default.enumerator(atPath: "\(Self.root)/Examples/Notes")
    let present = (files?.allObjects as? [String] ?? []).filter { $0.contains(".") }
    #expect(Set(present) == Set(skeleton.newFiles.keys))
    #expect(skeleton.row.split(separator: "\n").count == 1)
    // The example's row differs by its folder alone.
    let row = skeleton.row.dropLast(2).replacing("package.add(service(", with: "  service(")
    #expect(try Self.text(ServiceSkeleton.packageFile).contains(row))
  }

  @Test func `is in the program of all services by a list that is written as a whole`() throws {
    let folders = WholeFile.names(in: "\(Self.root)/Sources/Services")
    let services = ServiceSkeleton.shared(folders, among: try CharterFolder.load(Self.root))
    // One has a program of its own.
    #expect(services.count >= 7 && folders.count > services.count)
    #expect(try Self.text(ServiceSkeleton.listFile) == ServiceSkeleton.list(of: services))
    let more = ServiceSkeleton.list(of: services + ["Loans"])
    #expect(more.contains("import Ledger\nimport Loans\nimport Payments\n"))
    #expect(
      more.contains("  LedgerService.self,\n  LoansService.self,\n  PaymentsService.self,\n]\n"))
  }

  @Test func `holds together with the others, and may do what it declares and no more`() throws {
    let present = try CharterFolder.read(Self.root)
    let skeleton = try ServiceSkeleton("loans", among: CharterSet.load(present))
    let path = "Sources/Services/Loans/charter.yaml"
    let own = CharterFile(name: path, text: try #require(skeleton.newFiles[path]))
    let set = try CharterSet.load(present + [own])
    for operation in ["openEntry", "closeEntry"] {
      #expect(set["loans"]?.operation(operation)?.callers == ["operator"])
    }
    #expect(set["loans"]?.operation("listEntries")?.callers == ["gateway"])
    #expect(set.publicRoutes.contains { $0.service == "loans" })
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

  @Test func `tells at the door what any request may be answered with`() throws {
    let set = try CharterFolder.load(Self.root)
    let skeleton = try ServiceSkeleton("loans", among: set)
    let own = try Charter.parse(
      file: "charter.yaml", text: skeleton.newFiles["Sources/Services/Loans/charter.yaml"] ?? "")
    let text = try #require(skeleton.newFiles["Sources/Services/Loans/openapi.yaml"])
    let contract = try #require(try PublicContract.of(own, text: text))
    #expect(contract.value(at: "/paths/~1v1~1loans")?.object?.keys.sorted() == ["get"])
    for answer in DoorAnswer.all {
      let place = "/paths/~1v1~1loans/get/responses/\(answer.status)/$ref"
      #expect(contract.value(at: place)?.string == "#/components/responses/\(answer.name)")
      #expect(contract.value(at: "/components/responses/\(answer.name)") == answer.response)
    }
  }

  @Test(arguments: ["", "Loans", "my-loans", "9loans", "ledger", "operator"])
  func `is not begun under a name that is taken or none`(name: String) throws {
    let set = try CharterFolder.load(Self.root)
    #expect(throws: ServiceSkeleton.Refusal.self) { try ServiceSkeleton(name, among: set) }
  }
}
