import Foundation
import PolicyEngine
import Testing

@Suite struct `The deploy gate` {
  private static let binary = "\(Workbench.checkout)/.build/debug/strongroom"

  @Test func `has policies of which tests reach every line`() throws {
    try withWorkbench { bench in
      let outcome = try bench.policy(
        "test", "--coverage", "--threshold", "100", "\(Workbench.checkout)/Policies")
      #expect(outcome.code == 0, "\(outcome.errors)")
      #expect(try bench.policy("check", "--strict", "\(Workbench.checkout)/Policies").code == 0)
      #expect(
        try bench.policy("fmt", "-l", "--fail", "\(Workbench.checkout)/Policies").output == "")
    }
  }

  @Test func `lets our own charters and the example pass`() throws {
    try withWorkbench { bench in
      let outcome = try bench.run([
        Self.binary, "charter", "check", Workbench.checkout, "--with",
        "\(Workbench.checkout)/Examples/greeter",
      ])
      #expect(outcome.code == 0, "\(outcome.output) \(outcome.errors)")
      #expect(outcome.output.contains("the deploy gate has no objection"))
    }
  }

  /// What of our checkout charters are judged with.
  private func copy(to bench: Workbench) throws {
    for path in ["Charters", "Policies", "Sources/Services", "Package.swift"] {
      let target = URL(filePath: "\(bench.folder)/\(path)")
      try FileManager.default.createDirectory(
        at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
      try FileManager.default.copyItem(
        at: URL(filePath: "\(Workbench.checkout)/\(path)"), to: target)
    }
  }

  @Test func `lets a new service pass, which changes one line of what is there`() throws {
    try withWorkbench { bench in
      try copy(to: bench)
      let package = try bench.read("Package.swift")
      let new = [Self.binary, "charter", "new", "loans", "--charters", bench.folder]
      #expect(try bench.run(new).code == 0)
      let checked = try bench.run([Self.binary, "charter", "check", bench.folder])
      #expect(checked.code == 0, "\(checked.output) \(checked.errors)")
      #expect(!checked.errors.contains("no role allows"))
      let changed = try bench.read("Package.swift")
      #expect(
        changed.hasPrefix(package) && changed.dropFirst(package.count).count { $0 == "\n" } == 1)
      let list = try bench.read("Sources/Executables/strongroom-service/Services.swift")
      #expect(list.contains("import Loans\n") && list.contains("  LoansService.self,\n"))
      // Once is enough.
      #expect(try bench.run(new).code == 65)
      #expect(try bench.read("Package.swift") == changed)
    }
  }

  /// A checkout with our charters, one of which was changed.
  private func checkout(
    _ bench: Workbench, _ service: String, _ old: String, _ new: String
  ) throws -> Workbench.Outcome {
    try copy(to: bench)
    let file = "Sources/Services/\(service)/charter.yaml"
    let text = try bench.read(file)
    #expect(text.contains(old))
    try bench.write(file, text.replacing(old, with: new, maxReplacements: 1))
    return try bench.run([Self.binary, "charter", "check", bench.folder])
  }

  @Test(
    arguments: [
      ("Identity", "secrets: [sealing-keyring]", "secrets: []", ""),
      (
        "Gateway", "egress: []",
        "egress: [{host: evil.example, port: 443, protocol: https, reason: none}]",
        "unlisted-egress"
      ),
      ("Payments", "scopes: [payments:create]", "scopes: []", ""),
      (
        "Ledger", "- {class: outbox, sensitivity: confidential}",
        "- {class: credential, sensitivity: confidential}", "unsealed-storage"
      ),
      ("Payments", "path: /v1/activity", "path: /v1/activities", "route-without-schema"),
      ("Ledger", "memory_mib: 512", "memory_mib: 65536", "limit-too-high"),
      ("Ledger", "limits: {memory_mib: 512, open_files: 1024, connections: 512}", "", ""),
    ])
  func `refuses a charter that breaks a rule`(
    _ service: String, _ old: String, _ new: String, _ rule: String
  ) throws {
    try withWorkbench { bench in
      let outcome = try checkout(bench, service, old, new)
      #expect(outcome.code == 65, "\(outcome)")
      // Some rules the charters' own check knows as well, and names first.
      if !rule.isEmpty {
        #expect(outcome.output.contains("Sources/Services/\(service)/charter.yaml:"))
        #expect(outcome.output.contains("(\(rule))"), "\(outcome.output)")
      }
    }
  }

  @Test func `lets nothing pass without its policies, or with broken ones`() throws {
    try withWorkbench { bench in
      #expect(try checkout(bench, "Ledger", "service: ledger", "service: ledger").code == 0)
      try bench.write("Policies/deploy/more.rego", "package strongroom.deploy\n\nallow if {")
      #expect(try bench.run([Self.binary, "charter", "check", bench.folder]).code == 65)
      try FileManager.default.removeItem(atPath: bench.folder + "/Policies/deploy")
      #expect(try bench.run([Self.binary, "charter", "check", bench.folder]).code == 65)
      try FileManager.default.removeItem(atPath: bench.folder + "/Policies")
      let outcome = try bench.run([Self.binary, "charter", "check", bench.folder])
      #expect(outcome.code == 66)
      #expect(outcome.errors.contains("the policies cannot be read"))
    }
  }

  @Test func `judges Kubernetes manifests, each document of a file`() throws {
    let manifests = """
      apiVersion: v1
      kind: ServiceAccount
      metadata: {name: ledger}
      ---
      apiVersion: v1
      kind: Pod
      metadata: {name: ledger}
      spec:
        containers:
          - name: ledger
            image: registry.example/ledger:latest
            securityContext: {privileged: true}
      """
    try withWorkbench(["pods.yaml": manifests, "none.yaml": "---\n"]) { bench in
      let outcome = try bench.run([
        Self.binary, "charter", "check", Workbench.checkout, "--manifest", "pods.yaml",
      ])
      #expect(outcome.code == 65)
      for rule in ["privileged", "not-the-built-one", "missing-limit", "root"] {
        #expect(outcome.output.contains("(\(rule))"), "\(outcome.output)")
      }
      let none = try bench.run([
        Self.binary, "charter", "check", Workbench.checkout, "--manifest", "none.yaml",
      ])
      #expect(none.code == 65)
    }
  }
}
