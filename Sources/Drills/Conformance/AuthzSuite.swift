import PolicyEngine

extension ConformanceSuite {
  /// Decisions and searches of the AuthZEN interoperability events (OpenID Authorization API 1.0), by policies of our own that
  /// the policy engine evaluates.
  static let authz = ConformanceSuite(
    "authz", "AuthZEN's interoperability decisions and searches", folder: "authz"
  ) { folder, told in
    let policy = try CompiledPolicy.compile([(file: "authzen.rego", source: AuthzPolicy.source)])
    for scenario in AuthzScenario.all {
      try scenario.run(folder, policy) { told($0) }
    }
  }
}

/// One file of requests with what is expected of each.
private struct AuthzScenario: Sendable {
  let file: String
  /// The rule that answers.
  let rule: String
  /// Files with people and records, where there are any.
  var data: (users: String, records: String)?
  /// `evaluation`, but for the identity providers' file.
  var list = "evaluation"

  private static let demo = (
    users: "interop_authzen-search-demo_data_users.json",
    records: "interop_authzen-search-demo_data_records.json"
  )
  static let all = [
    AuthzScenario(
      file: "interop_authzen-todo-backend_test_decisions-authorization-api-1_0-01.json",
      rule: "todo"),
    AuthzScenario(
      file: "interop_authzen-api-gateways_test-harness_test_decisions.json", rule: "route"),
    AuthzScenario(
      file: "interop_authzen-search-demo_test_action_results.json", rule: "actions", data: demo),
    AuthzScenario(
      file: "interop_authzen-search-demo_test_resource_results.json", rule: "resources",
      data: demo),
    AuthzScenario(
      file: "interop_authzen-search-demo_test_subject_results.json", rule: "subjects", data: demo),
    AuthzScenario(
      file: "interop_authzen-idp_test-harness_src_results.json", rule: "resources",
      data: (
        users: "interop_authzen-idp_data_users.json",
        records: "interop_authzen-idp_data_records.json"
      ), list: "search"),
  ]

  func run(
    _ folder: CaseFolder, _ policy: CompiledPolicy, told: (CaseResult) -> Void
  ) throws {
    guard folder.has(file) else { return }
    guard case .object(let whole) = try Value.parse(json: folder.bytes(file)),
      case .array(let cases)? = whole[list]
    else { throw CaseFileError(description: "\(folder.path)/\(file) has no '\(list)'") }
    var documents: [(Value, Value)] = []
    if let data {
      documents = [
        (.string("users"), try Value.parse(json: folder.bytes(data.users))),
        (.string("records"), try Value.parse(json: folder.bytes(data.records))),
      ]
    }
    for (number, one) in cases.enumerated() {
      let id = "\(file.dropLast(5))[\(number)]"
      guard case .object(let members) = one, let request = members["request"],
        let expected = members["expected"]
      else { throw CaseFileError(description: "\(folder.path)/\(file): \(id) is no case") }
      let input = EvaluationInput(input: request, data: .object(ObjectValue(documents)))
      let came = try policy.evaluate("x = data.authzen.\(rule)", input).bindings.first?["x"]
      told(CaseResult(id, expected: Self.text(expected), came: came.map(Self.text) ?? "undefined"))
    }
  }

  /// A decision, or the results of a search as a set.
  private static func text(_ answer: Value) -> String {
    switch answer {
    case .object(let members):
      if case .array(let results)? = members["results"] { return text(.array(results)) }
      return answer.jsonText
    case .array(let results): return results.map(\.jsonText).sorted().joined(separator: " ")
    default: return answer.jsonText
    }
  }
}

/// The events' policies in Rego, in our words.
private enum AuthzPolicy {
  static let source = """
    package authzen

    # The people of the to-do list; the seventh character of an id tells them apart.
    people := {
      "A": {"email": "rick@the-citadel.com", "roles": {"admin", "evil_genius", "editor"}},
      "E": {"email": "morty@the-citadel.com", "roles": {"editor"}},
      "I": {"email": "summer@the-smiths.com", "roles": {"editor"}},
      "M": {"email": "beth@the-smiths.com", "roles": {"viewer"}},
      "Q": {"email": "jerry@the-smiths.com", "roles": {"viewer"}},
    }

    person := people[substring(input.subject.id, 6, 1)]

    default todo := false

    todo if {
      person
      input.action.name in {"can_read_user", "can_read_todos"}
    }

    todo if {
      "editor" in person.roles
      input.action.name == "can_create_todo"
    }

    todo if {
      "editor" in person.roles
      input.action.name in {"can_update_todo", "can_delete_todo"}
      input.resource.properties.ownerID == person.email
    }

    todo if {
      "evil_genius" in person.roles
      input.action.name == "can_update_todo"
    }

    todo if {
      "admin" in person.roles
      input.action.name == "can_delete_todo"
    }

    default route := false

    route if {
      person
      input.action.name == "GET"
    }

    route if {
      "editor" in person.roles
      input.action.name in {"POST", "PUT", "DELETE"}
    }

    # Who may do what with a record of the search demo.
    may(user, _, record) if record.owner == user.id

    may(user, "view", record) if record.department == user.department

    may(user, "view", _) if user.role == "manager"

    may(user, "edit", record) if {
      user.role == "manager"
      record.department == user.department
    }

    name(record) := sprintf("%v", [record.id])

    asking := [user | some user in data.users; user.id == input.subject.id][0]

    asked := [record | some record in data.records; name(record) == input.resource.id][0]

    actions := [{"name": action} | some action in ["view", "edit", "delete"]; may(asking, action, asked)]

    resources := [{"type": "record", "id": name(record)} |
      some record in data.records
      may(asking, input.action.name, record)
    ]

    subjects := [{"type": "user", "id": user.id} |
      some user in data.users
      may(user, input.action.name, asked)
    ]
    """
}
