package import PolicyEngine

/// A policy with the questions that are put to it.
package struct PolicyWorkload: Sendable {
  /// The same in the language of Cedar, where it can be said.
  package struct Cedar: Sendable {
    package let policies: String
    /// Entities and requests, as JSON.
    package let entities: Value
    package let requests: [Value]
  }

  package let name: String
  package let modules: [(file: String, source: String)]
  package let data: Value
  /// A document, `data.…`.
  package let query: String
  package let inputs: [Value]
  package let cedar: Cedar?
  /// What is known of each input before it comes; empty where nothing is.
  package let known: [KnownInput]

  package init(
    name: String, modules: [(file: String, source: String)], data: Value = .object(.empty),
    query: String, inputs: [Value], cedar: Cedar? = nil, known: [KnownInput] = []
  ) {
    self.name = name
    self.modules = modules
    self.data = data
    self.query = query
    self.inputs = inputs
    self.cedar = cedar
    self.known = known
  }

  /// For the other engines: everything as one JSON document.
  package func document(expected: [Value]) -> Value {
    var members: [(Value, Value)] = [
      (.string("name"), .string(name)), (.string("query"), .string(query)),
      (.string("data"), data), (.string("inputs"), .array(inputs)),
      (.string("expected"), .array(expected)),
      (
        .string("modules"),
        .object(ObjectValue(modules.map { (.string($0.file), .string($0.source)) }))
      ),
    ]
    if let cedar {
      members.append(
        (
          .string("cedar"),
          .object(
            ObjectValue([
              (.string("policies"), .string(cedar.policies)),
              (.string("entities"), cedar.entities), (.string("requests"), .array(cedar.requests)),
            ]))
        ))
    }
    return .object(ObjectValue(members))
  }
}

extension Value {
  /// An object with names as keys.
  static func named(_ members: KeyValuePairs<String, Value>) -> Value {
    .object(ObjectValue(members.map { (.string($0.key), $0.value) }))
  }
}

extension PolicyWorkload {
  private static let roles = 10
  private static let permissions = 50

  /// Ten roles of fifty permissions each, kept as data; a hundred people of two roles.
  package static var roleBased: PolicyWorkload {
    let source = """
      package rbac

      default allow := false

      allow if {
      	some role in data.bindings[input.user]
      	data.grants[role][input.permission]
      }
      """
    func permission(_ role: Int, _ number: Int) -> String { "r\(role).p\(number)" }
    let grants = (0..<roles).map { role in
      (
        Value.string("role\(role)"),
        Value.object(
          ObjectValue(
            (0..<permissions).map { (Value.string(permission(role, $0)), Value.bool(true)) }))
      )
    }
    let people = (0..<100).map { person in
      (name: "user\(person)", roles: ["role\(person % roles)", "role\((person * 7 + 3) % roles)"])
    }
    let questions = (0..<200).map { number in
      (
        user: "user\(number % 100)",
        permission: permission(number * 3 % roles, number % permissions)
      )
    }
    let policies = (0..<roles).map { role in
      let actions = (0..<permissions).map { "Action::\"\(permission(role, $0))\"" }
      return
        "permit(principal in Role::\"role\(role)\", action in [\(actions.joined(separator: ", "))], resource);"
    }
    let entities = people.map { person in
      Value.named([
        "uid": .named(["type": .string("User"), "id": .string(person.name)]), "attrs": .named([:]),
        "parents": .array(
          person.roles.map { .named(["type": .string("Role"), "id": .string($0)]) }),
      ])
    }
    let requests = questions.map { question in
      request(user: question.user, action: question.permission, context: [])
    }
    return PolicyWorkload(
      name: "rbac 10×50", modules: [("rbac.rego", source)],
      data: .named([
        "bindings": .object(
          ObjectValue(people.map { (.string($0.name), .array($0.roles.map(Value.string))) })),
        "grants": .object(ObjectValue(grants)),
      ]), query: "data.rbac.allow",
      inputs: questions.map {
        .named(["user": .string($0.user), "permission": .string($0.permission)])
      },
      cedar: Cedar(
        policies: policies.joined(separator: "\n"), entities: .array(entities), requests: requests))
  }

  private static func request(user: String, action: String, context: [(String, Value)]) -> Value {
    .named([
      "principal": .string("User::\"\(user)\""), "action": .string("Action::\"\(action)\""),
      "resource": .string("Service::\"bank\""),
      "context": .object(ObjectValue(context.map { (.string($0.0), $0.1) })),
    ])
  }

  /// Twelve routes of an HTTP interface, by method and path.
  package static var paths: PolicyWorkload {
    let places = ["accounts", "payments", "cards", "loans", "statements", "limits"]
    var source = "package http.authz\n\ndefault allow := false\n"
    var policies: [String] = []
    for place in places {
      source += """

        allow if {
        	input.method == "GET"
        	input.path == ["v1", "\(place)", input.subject]
        }

        allow if {
        	input.method == "POST"
        	input.path == ["v1", "\(place)"]
        	"\(place):create" in input.scopes
        }

        """
      policies += [
        "permit(principal, action == Action::\"GET\", resource) when { context.root == \"v1\" && context.place == \"\(place)\" && context.rest == context.subject };",
        "permit(principal, action == Action::\"POST\", resource) when { context.root == \"v1\" && context.place == \"\(place)\" && context.rest == \"\" && context.scopes.contains(\"\(place):create\") };",
      ]
    }
    var inputs: [Value] = []
    var requests: [Value] = []
    for number in 0..<200 {
      let place = places[number * 5 % places.count]
      let subject = "user\(number % 20)"
      let isPost = number % 3 == 0
      let rest = isPost ? "" : number % 4 == 0 ? "somebody" : subject
      let scopes = (number % 2 == 0 ? ["\(place):create"] : ["profile:read"]).map(Value.string)
      inputs.append(
        .named([
          "method": .string(isPost ? "POST" : "GET"), "subject": .string(subject),
          "path": .array((["v1", place] + (rest.isEmpty ? [] : [rest])).map(Value.string)),
          "scopes": .array(scopes),
        ]))
      requests.append(
        request(
          user: subject, action: isPost ? "POST" : "GET",
          context: [
            ("root", .string("v1")), ("place", .string(place)), ("rest", .string(rest)),
            ("subject", .string(subject)), ("scopes", .array(scopes)),
          ]))
    }
    return PolicyWorkload(
      name: "http paths", modules: [("http.rego", source)], query: "data.http.authz.allow",
      inputs: inputs,
      cedar: Cedar(
        policies: policies.joined(separator: "\n"), entities: .array([]), requests: requests))
  }

  /// Rules that each allow one action on one kind of resource.
  package static func rules(_ count: Int) -> PolicyWorkload {
    var source = "package rules\n\ndefault allow := false\n"
    var policies = ""
    for rule in 0..<count {
      source += """

        allow if {
        	input.action == "a\(rule)"
        	input.resource.kind == "k\(rule % 17)"
        	input.level >= \(rule % 5)
        }

        """
      policies +=
        "permit(principal, action == Action::\"a\(rule)\", resource) when { context.kind == \"k\(rule % 17)\" && context.level >= \(rule % 5) };\n"
    }
    var inputs: [Value] = []
    var requests: [Value] = []
    for number in 0..<200 {
      let rule = number * 7_919 % count
      let kind = "k\((number % 4 == 0 ? rule + 1 : rule) % 17)"
      inputs.append(
        .named([
          "action": .string("a\(rule)"), "level": .integer(number % 7),
          "resource": .named(["kind": .string(kind), "id": .string("\(number)")]),
        ]))
      requests.append(
        request(
          user: "ada", action: "a\(rule)",
          context: [("kind", .string(kind)), ("level", .integer(number % 7))]))
    }
    return PolicyWorkload(
      name: "\(count) rules", modules: [("rules.rego", source)], query: "data.rules.allow",
      inputs: inputs,
      cedar: Cedar(policies: policies, entities: .array([]), requests: requests))
  }
}
