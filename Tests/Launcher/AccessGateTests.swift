import Charters
import Chassis
import Foundation
import Launcher
import PolicyBundles
import PolicyEngine
import TestKit
import Testing
import Vocabulary

@Suite struct `The gate before access policies` {
  private let charters: CharterSet
  private let shipped: PolicyDraft

  init() throws {
    charters = try CharterFolder.load(TestPolicies.folder + "/..")
    shipped = try TestPolicies.shipped.get()
  }

  private func faults(_ draft: PolicyDraft) -> [String] {
    AccessGate(charters, at: Instant(seconds: 1_800_000_000), randomness: .seeded(7)).faults(
      of: draft)
  }

  /// The platform's policies with a text replaced in a file, and its tests if they are to go.
  private func changed(
    _ file: String, _ old: String, _ new: String, test: String? = nil
  ) throws -> PolicyDraft {
    var modules = shipped.modules
    let index = try #require(modules.firstIndex { $0.file == file })
    try #require(modules[index].source.contains(old))
    modules[index].source = modules[index].source.replacing(old, with: new)
    if let test {
      modules.removeAll { $0.file.hasSuffix("_test.rego") }
      modules.append((file: "access/a_test.rego", source: test))
    }
    return PolicyDraft(modules: modules, data: shipped.data)
  }

  @Test func `rules that were narrowed to what a service expects decide as whole ones`() throws {
    let seed: UInt64 = 19_091
    print("narrowed rules: seed \(seed)")
    let randomness = Randomness.seeded(seed)
    let whole = try AccessRules(shipped.distributed, version: 1)
    var verdicts: [AccessVerdict: Int] = [:]
    for charter in charters.charters {
      let questions = AccessQuestions(charter, in: charters)
      let narrowed = whole.narrowed(to: questions.edges)
      for operation in charter.operations {
        for caller in charters.charters.map(\.service) {
          for _ in 0..<4 {
            let token = token(for: operation, randomness)
            let question = try #require(
              questions.question(
                by: caller, for: operation.id, resource: ["id": "1"], token: token))
            let now = Instant(seconds: 1_800_000_000)
            let verdict = whole.verdict(on: question, at: now)
            #expect(narrowed.verdict(on: question, at: now) == verdict)
            verdicts[verdict, default: 0] += 1
          }
        }
      }
    }
    #expect(verdicts[.allowed, default: 0] > 20 && verdicts.count > 20)
  }

  /// What somebody may have got hold of; often none.
  private func token(for operation: CharterOperation, _ randomness: Randomness) -> Value? {
    func isSo() -> Bool { randomness.next() % 4 != 0 }
    guard isSo() else { return nil }
    let scopes = isSo() ? operation.scopes.map { Value.string("\($0)") } : []
    return .object(
      ObjectValue([
        (.string("kind"), .string(isSo() ? "person" : "client")),
        (.string("subject"), .string("ada")), (.string("client"), .string("app")),
        (.string("purpose"), .string(isSo() ? operation.purpose ?? "x" : "other")),
        (.string("scopes"), .array(scopes)), (.string("context"), .object(.empty)),
      ]))
  }

  /// Tests that agree to everything, and reach all of it: whoever writes bad policies writes these, too.
  private let yes = """
    package strongroom.access_test

    import data.strongroom.access

    test_everything_is_fine if {
      lists := {
        "roles": {"a": {"purposes": {"p": {"amount_max": {"EUR": 1}}, "q": {}}}},
        "members": {"m": {"roles": {"a": {"until": "2020-01-01T00:00:00Z"}, "b": {}}}, "n": {"roles": {"a": {}}}},
        "default_roles": {"person": ["a"]},
        "suspended": {"s": "x", "x": "x"}, "frozen": {"f": "x"}, "contained": {"c": "x"}, "closed": {"o": "x"},
      }
      token := {"kind": "person", "subject": "s", "client": "x", "purpose": "p", "scopes": [], "context": {}}
      inputs := [
        {}, {"service": "x", "caller": "c", "operation": {"name": "o", "purpose": "p", "scopes": ["z"], "callers": {}}},
        {"service": "x", "caller": "c", "operation": {"name": "n", "purpose": "p", "scopes": ["z"], "callers": {"c": true}}, "token": token},
        {"service": "x", "caller": "d", "operation": {"name": "n", "purpose": "q", "scopes": [], "callers": {"d": true}},
          "token": object.union(token, {"subject": "m", "purpose": "q", "context": {"amount": "2", "currency": "EUR", "debtor": "f"}})},
        {"service": "x", "caller": "d", "operation": {"name": "n", "purpose": "p", "scopes": [], "callers": {"d": true}},
          "token": object.union(token, {"subject": "t", "context": {"amount": "2", "currency": "EUR", "debtor": "f"}})},
        {"service": "x", "caller": "d", "operation": {"name": "n", "purpose": "q", "scopes": [], "callers": {"d": true}},
          "token": object.union(token, {"subject": "t", "purpose": "q"})},
        {"service": "x", "caller": "d", "operation": {"name": "n", "purpose": "q", "scopes": [], "callers": {"d": true}},
          "token": object.union(token, {"subject": "n", "purpose": "q"})},
        {"service": "x", "caller": "d", "operation": {"name": "n", "purpose": "q", "scopes": [], "callers": {"d": true}},
          "token": object.union(token, {"subject": "t"})},
      ]
      every asked in inputs { access.decision != 7 with input as asked with data.access as lists }
    }
    """

  @Test func `has no objection to the platform's own`() {
    #expect(faults(shipped) == [])
  }

  @Test(arguments: [
    ("contained", "payments"), ("closed", "payments/createPayment"),
    ("suspended", "018f3f6e-0000-7000-8000-000000000001"),
    ("frozen", "018f3f6e-0000-7000-8000-000000000002"),
  ])
  func `lets an operator stop what must be stopped`(_ list: String, _ entry: String) throws {
    guard case .object(var data) = shipped.data, case .object(var access)? = data["access"] else {
      throw Problem.defect
    }
    access[.string(list)] = .object(ObjectValue([(.string(entry), .string("at night"))]))
    data[.string("access")] = .object(access)
    #expect(faults(PolicyDraft(modules: shipped.modules, data: .object(data))) == [])
  }

  @Test func `refuses what its own tests refuse`() throws {
    let found = faults(
      try changed(
        "access/workload.rego", "not input.operation.callers[input.caller]",
        "input.caller == \"nobody\""))
    #expect(found.contains { $0.contains("is_not_declared_is_refused failed") })
  }

  @Test func `refuses policies without tests, and lines that no test reaches`() throws {
    let bare = PolicyDraft(
      modules: shipped.modules.filter { !$0.file.hasSuffix("_test.rego") }, data: shipped.data)
    #expect(faults(bare).first?.contains("have no tests") == true)
    let found = faults(
      try changed(
        "access/access.rego", "decision := {",
        "refusals contains refusal(\"new\", \"x\") if {\n\tinput.caller == \"nobody\"\n\tinput.service\n}\n\ndecision := {"
      ))
    #expect(
      found.isEmpty == false
        && found.allSatisfy { $0.hasPrefix("no test reaches access/access.rego") })
  }

  @Test(arguments: [
    (
      "access/workload.rego", "not input.operation.callers[input.caller]",
      "not input.operation.callers[input.caller]\n\tinput.caller != \"payments\"",
      "which no charters declare"
    ),
    (
      "access/workload.rego", "\tnot input.token\n", "\tinput.token.subject == \"t\"\n",
      "on nobody's behalf"
    ),
    (
      "access/workload.rego", "input.token.purpose != input.operation.purpose",
      "input.token.subject == \"t\"", "to a token for another purpose"
    ),
    (
      "access/workload.rego", "not has_scope(scope)",
      "scope == \"z\"\n\tnot has_scope(scope)",
      "without the scope"
    ),
    (
      "access/subject.rego", "data.access.suspended[input.token.subject]",
      "data.access.suspended[input.token.client]", "to who is suspended"
    ),
    (
      "access/workload.rego", "reason := data.access.closed[input.operation.name]",
      "input.operation.name\n\treason := \"all is closed\"", "and the platform from running"
    ),
  ])
  func `refuses what no policies may do, whatever their tests say`(
    _ file: String, _ old: String, _ new: String, _ words: String
  ) throws {
    let found = faults(try changed(file, old, new, test: yes))
    #expect(found.contains { $0.contains(words) }, "\(found.prefix(5))")
  }

  @Test(arguments: [
    #"{"suspended": ["018f3f6e-0000-7000-8000-000000000001"]}"#, #"{"suspended": null}"#,
    #"{"suspended": {"018F3F6E-0000-7000-8000-000000000001": "capitals"}}"#,
    #"{"suspended": {"018f3f6e-0000-7000-8000-000000000001": false}}"#, #"{"frozen": "all"}"#,
    #"{"contained": ["payments"]}"#, #"{"closed": {"payments/createPayment": null}}"#,
    #"{"members": {"018f3f6e-0000-7000-8000-000000000001": false}}"#, #"{"members": []}"#,
    #"{"members": {"018f3f6e-0000-7000-8000-000000000001": {"roles": {"reader": {"until": false}}}}}"#,
    #"{"members": {"018f3f6e-0000-7000-8000-000000000001": {"roles": {"reader": {"Until": "2020-01-01T00:00:00Z"}}}}}"#,
    #"{"members": {"018f3f6e-0000-7000-8000-000000000001": {"roles": {"reader": {"until": "tomorrow"}}}}}"#,
    #"{"members": {"018f3f6e-0000-7000-8000-000000000001": {"roles": {"nobody": {}}}}}"#,
    #"{"roles": {"account-holder": {"purposes": {"payment.create": {"amount_max": {"EUR": "1000"}}}}}}"#,
    #"{"roles": {"account-holder": {"purposes": {"payment.create": {"amountMax": {"EUR": 1000}}}}}}"#,
    #"{"roles": {"account-holder": {"purposes": {"payment.create": false}}}}"#,
    #"{"default_roles": {"person": ["nobody"]}}"#,
  ])
  func `refuses lists that cannot be read as they are meant`(_ change: String) throws {
    guard case .object(var data) = shipped.data, case .object(var access)? = data["access"],
      case .object(let changed) = try Value.parse(json: change.utf8)
    else { throw Problem.defect }
    for member in changed.members { access[member.key] = member.value }
    data[.string("access")] = .object(access)
    let found = faults(PolicyDraft(modules: shipped.modules, data: .object(data)))
    #expect(found.first?.hasPrefix("data.json: access.") == true, "\(found.prefix(3))")
  }

  private func faults(changing change: String, in top: String = "access") throws -> [String] {
    guard case .object(var data) = shipped.data, case .object(var lists)? = data[.string(top)],
      case .object(let changed) = try Value.parse(json: change.utf8)
    else { throw Problem.defect }
    for member in changed.members { lists[member.key] = member.value }
    data[.string(top)] = .object(lists)
    return faults(PolicyDraft(modules: shipped.modules, data: .object(data)))
  }

  @Test(arguments: [
    (#"{"frozen": {"018F3F6E-0000-7000-8000-000000000001": "x"}}"#, "018f3f6e-0000-7000"),
    (#"{"frozen": {"018f3f6e-0000-7000-8000-000000000001 ": "x"}}"#, "018f3f6e-0000-7000"),
    (#"{"frozen": {"all": "x"}}"#, "expected a lower-case UUID"),
    (#"{"contained": {"payment": "x"}}"#, "did you mean 'payments'"),
    (#"{"contained": {"Payments": "x"}}"#, "did you mean 'payments'"),
    (#"{"contained": {"payments ": "x"}}"#, "did you mean 'payments'"),
    (#"{"contained": {"mainframe": "x"}}"#, "there is no such service"),
    (#"{"closed": {"payments/createPayments": "x"}}"#, "did you mean 'payments/createPayment'"),
    (#"{"closed": {"payments/createpayment": "x"}}"#, "did you mean 'payments/createPayment'"),
    (#"{"closed": {"createPayment": "x"}}"#, "there is no such operation"),
    (#"{"closed": {"payments": "x"}}"#, "there is no such operation"),
    (#"{"Frozen": {}}"#, "differs from"), (#"{"suspend": {}}"#, "did you mean 'suspended'"),
    (#"{"default_roles": {"persons": ["reader"]}}"#, "did you mean 'person'"),
    (#"{"roles": {"a": {"purposes": {"payment.creat": {}}}}}"#, "did you mean 'payment.create'"),
    (#"{"roles": {"a": {"purposes": {"x": {"amount_max": {"eur": 1}}}}}}"#, "no such currency"),
    (#"{"roles": {"reader": {"purposes": {}}, "Reader": {"purposes": {}}}}"#, "case or blanks"),
  ])
  func `refuses an entry that names nothing, and says what was probably meant`(
    _ change: String, _ words: String
  ) throws {
    let found = try faults(changing: change)
    #expect(found.contains { $0.contains(words) }, "\(found.prefix(5))")
  }

  @Test(arguments: [
    (#"{"limits_max": {"memory_mb": 4096}}"#, "did you mean 'memory_mib'"),
    (#"{"limit_max": {}}"#, "did you mean 'limits_max'"),
    (#"{"open_routes": {"identity": ["getJwks"]}}"#, "did you mean 'getJWKS'"),
    (#"{"personal_keepers": {"customer-profil": "customers"}}"#, "did you mean 'customer-profile'"),
  ])
  func `refuses what the deploy gate would not find`(_ change: String, _ words: String) throws {
    let found = try faults(changing: change, in: "organisation")
    #expect(found.contains { $0.contains(words) }, "\(found.prefix(5))")
  }

  @Test func `refuses a list that nobody reads, and takes one that a policy reads`() throws {
    guard case .object(var data) = shipped.data else { throw Problem.defect }
    data[.string("Access")] = .object(.empty)
    let twice = faults(PolicyDraft(modules: shipped.modules, data: .object(data)))
    #expect(twice.contains { $0.contains("Access is read by nobody; did you mean 'access'?") })
    let own = try faults(changing: #"{"holidays": {}}"#)
    #expect(own == ["data.json: access.holidays is read by nobody"])
  }

  @Test(arguments: [
    (
      "access/subject.rego", "data.access.suspended[input.token.subject]",
      "data.access.suspended[input.token.subject]\n\tinput.token.subject != \"018f3f6e-0000-7000-8000-000000000001\"",
      #"{"suspended": {"018f3f6e-0000-7000-8000-000000000001": "x"}}"#, "access.suspended lists"
    ),
    (
      "access/subject.rego", "data.access.frozen[input.token.context[end]]",
      "data.access.frozen[input.token.context[end]]\n\tinput.token.context[end] != \"018f3f6e-0000-7000-8000-000000000002\"",
      #"{"frozen": {"018f3f6e-0000-7000-8000-000000000002": "x"}}"#, "access.frozen lists"
    ),
    (
      "access/workload.rego", "data.access.closed[input.operation.name]",
      "data.access.closed[input.operation.name]\n\treason != \"sorry\"",
      #"{"closed": {"payments/createPayment": "sorry"}}"#, "access.closed lists"
    ),
    (
      "access/workload.rego", "data.access.contained[input.caller]",
      "data.access.contained[input.caller]\n\treason != \"sorry\"",
      #"{"contained": {"payments": "sorry"}}"#, "while it is contained"
    ),
  ])
  func `asks about the operator's own entries`(
    _ file: String, _ old: String, _ new: String, _ change: String, _ words: String
  ) throws {
    let lax = try changed(file, old, new, test: yes)
    // For entries that the gate draws itself these policies are sound.
    #expect(faults(lax) == [])
    guard case .object(var data) = lax.data, case .object(var access)? = data["access"],
      case .object(let entries) = try Value.parse(json: change.utf8)
    else { throw Problem.defect }
    for member in entries.members { access[member.key] = member.value }
    data[.string("access")] = .object(access)
    let found = faults(PolicyDraft(modules: lax.modules, data: .object(data)))
    #expect(found.contains { $0.contains(words) }, "\(found.prefix(5))")
  }

  @Test func `refuses a list that stands twice`() throws {
    let folder = NSTemporaryDirectory() + "policies-\(UUID().uuidString.prefix(8))"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.copyItem(atPath: TestPolicies.folder, toPath: folder)
    let text = try String(contentsOfFile: "\(folder)/data.json", encoding: .utf8)
    try text.replacing(#""frozen": {}"#, with: #""frozen": {"a": "b"}, "frozen": {}"#)
      .write(toFile: "\(folder)/data.json", atomically: true, encoding: .utf8)
    #expect(throws: LaunchFailure.self) { try PolicyFolder.read(folder) }
  }

  @Test func `asks other questions each time`() throws {
    // Written by somebody who has read the gate's source, and knows one of its seeds.
    let lenient = try changed(
      "access/workload.rego", "not input.operation.callers[input.caller]",
      "not input.operation.callers[input.caller]\n\tto_number(object.get(input, [\"token\", \"context\", \"amount\"], \"1\")) < 50000",
      test: yes)
    let found = (1...8).filter { seed in
      AccessGate(charters, at: Instant(seconds: 1_800_000_000), randomness: .seeded(UInt64(seed)))
        .faults(of: lenient).contains { $0.contains("which no charters declare") }
    }
    #expect(found.count > 1 && found.count < 8)
  }

  @Test func `refuses policies that decide by lot`() throws {
    let found = faults(
      try changed(
        "access/access.rego", "decision := {\"allow\": true} if count(refusals) == 0",
        "decision := {\"allow\": true} if {\n\trand.intn(\"a\", 9) >= 0\n\tcount(refusals) == 0\n}")
    )
    #expect(found.contains { $0.contains("a decision is no lot") }, "\(found.prefix(3))")
  }

  @Test func `refuses policies that do not come to an end`() throws {
    let found = faults(
      try changed(
        "access/access.rego", "decision := {\"allow\": true} if count(refusals) == 0",
        """
        decision := {"allow": true} if {
          every x in numbers.range(1, 9999) { every y in numbers.range(1, 9999) { x + y > 0 } }
          count(refusals) == 0
        }
        """))
    #expect(found.contains { $0.contains("eval_budget_error") }, "\(found.prefix(5))")
  }
}
