import AuditAPI
import AuthorityAPI
package import Charters
package import Vocabulary

/// A new service as a whole: three operations, one of them public, a table and a machine, with its contract, documents and tests.
/// It builds, runs, and may do nothing that it does not declare. Pure: texts in, texts out; nothing is written here.
package struct ServiceSkeleton: Sendable {
  /// Why no skeleton can be made.
  package struct Refusal: Error, Sendable, CustomStringConvertible {
    package let description: String
  }

  /// The one file that a new service changes by hand: a line at its end.
  package static let packageFile = "Package.swift"
  /// Which services there are, for the program that runs them; written as a whole.
  package static let listFile = "Sources/Executables/strongroom-service/Services.swift"

  /// Whose edges every service has: who takes its records, whose revocation feed it follows.
  static let recorder = AuditOperations.appendRecords.service
  static let revoker = AuthorityOperations.listRevocations.service

  /// `loans`.
  package let name: ServiceName
  /// `Loans`: folder, module and type prefix.
  package let module: String
  /// Internal port.
  package let port: Int

  /// - Throws: `Refusal` for a name with a dash (modules are named after services), or one that is
  /// taken.
  package init(_ text: String, among charters: CharterSet) throws(Refusal) {
    guard let name = ServiceName(text), !text.contains("-") else {
      throw Refusal(description: "'\(text)' is not a service's name: [a-z][a-z0-9]*, 31 at most")
    }
    guard charters[name] == nil else {
      throw Refusal(description: "there is a charter for '\(text)' already")
    }
    let taken = Set(charters.charters.compactMap(\.port))
    guard let port = (7_101...7_500).first(where: { !taken.contains($0) }) else {
      throw Refusal(description: "no port from 7101 to 7500 is free")
    }
    self.name = name
    self.port = port
    module = text.prefix(1).uppercased() + text.dropFirst()
  }

  /// New files by their path in the checkout.
  package var newFiles: [String: String] {
    let service = "Sources/Services/\(module)"
    return [
      "\(service)/charter.yaml": charter, "\(service)/openapi.yaml": openapi,
      "\(service)/README.md": readme, "\(service)/\(module)Service.swift": code,
      "\(service)/EntryStore.swift": store, "\(service)/EntryMachine.swift": machine,
      "\(service)/Migrations/0001-initial.sql": migration,
      "\(service)/Migrations/0001-initial.postgres.sql": migrationForPostgres,
      "Sources/Contracts/\(module)API/\(module)Operations.swift": contract,
      "Tests/\(module)/\(module)Tests.swift": test,
    ]
  }

  /// The service's line in Package.swift, which goes to the end of it.
  package var row: String {
    "package.add(service(\"\(module)\", uses: [\"Storage\"], migrations: [\"0001-initial.sql\"]))\n"
  }

  /// Of services by their modules' names, those that the program of all services runs.
  package static func shared(_ modules: [String], among charters: CharterSet) -> [String] {
    modules.filter { module in
      ServiceName(module.lowercased()).flatMap { charters[$0] }?.executable != .own
    }
  }

  /// `listFile` for services by their modules' names.
  package static func list(of modules: some Sequence<String>) -> String {
    let modules = Set(modules).sorted()
    let imports = (modules + ["Chassis"]).sorted().map { "import \($0)\n" }
    return """
      // Written as a whole by 'strongroom charter new', from the folders in Sources/Services; a test compares the two.
      \(imports.joined())
      /// Every service of this build.
      let services: [any Service.Type] = [
      \(modules.map { "  \($0)Service.self,\n" }.joined())]

      """
  }
}
