import Charters
import PolicyBundles
import PolicyEngine
import Vocabulary

/// Whether `data.json` says what its writer meant. A list of another shape is not read as an empty one by mistake, and an
/// entry that names nothing is not taken for one that does something: whoever is suspended, frozen, contained or closed
/// under a mistyped name is not.
struct AccessLists {
  private let services: [String]
  /// `service/operation`.
  private let operations: [String]
  private let purposes: [String]
  private let classes: [String]
  private let charters: CharterSet

  init(_ charters: CharterSet) {
    self.charters = charters
    services = charters.charters.map { "\($0.service)" }
    operations = charters.charters.flatMap { charter in
      (charter.operations + CharterOperation.allImplied).map { "\(charter.service)/\($0.id)" }
    }
    purposes = Array(Set(charters.charters.flatMap(\.operations).compactMap(\.purpose)))
    classes = Array(Set(charters.charters.flatMap(\.data).map(\.name)))
  }

  /// The lists that `Policies/access` reads.
  private static let lists = [
    "roles", "members", "default_roles", "suspended", "frozen", "contained", "closed",
  ]

  /// Empty for sound lists; else each fault with its place. Further lists below `access` are the organisation's own, as long
  /// as a policy of its reads them.
  func faults(_ draft: PolicyDraft) -> [String] {
    guard case .object(let all) = draft.data, case .object(let lists)? = all["access"] else {
      return ["data.json: access must be an object"]
    }
    var faults = Self.lookalikes(draft.data, "")
    faults += unread(all, "", Set(["access", "organisation"]))
    let own = lists.members.compactMap { Self.text($0.key) }.filter { Self.reads(draft, $0) }
    faults += unread(lists, "access.", Set(Self.lists + own))
    for name in ["suspended", "frozen", "contained", "closed"] {
      faults += Self.each(lists[name], "access.\(name)") { key, reason, place in
        Self.texts(reason, place) + self.named(key, in: name, place)
      }
    }
    faults += Self.each(lists["roles"], "access.roles") { _, role, place in
      Self.only(["purposes"], in: role, place)
        + Self.each(Self.member("purposes", of: role), "\(place).purposes") {
          purpose, grant, place in
          slips(purpose, purposes, place) + Self.only(["amount_max"], in: grant, place)
            + Self.amounts(Self.member("amount_max", of: grant), place)
        }
    }
    faults += Self.each(lists["members"], "access.members") { key, member, place in
      Self.identifier(key, place) + Self.only(["roles"], in: member, place)
        + Self.each(Self.member("roles", of: member), "\(place).roles") { role, membership, place in
          Self.known(role, in: lists["roles"], place) + Self.only(["until"], in: membership, place)
            + Self.moment(Self.member("until", of: membership), place)
        }
    }
    faults += Self.each(lists["default_roles"], "access.default_roles") { kind, roles, place in
      guard case .array(let names) = roles else { return ["\(place) must be an array"] }
      return exists(kind, among: ["client", "person"], "kind of subject", place)
        + names.flatMap { name -> [String] in
          guard case .string(let text) = name else { return ["\(place) must hold names of roles"] }
          return Self.known(text, in: lists["roles"], place)
        }
    }
    if let organisation = all["organisation"] { faults += self.organisation(organisation) }
    return faults.map { "data.json: \($0)" }
  }

  // MARK: Names of what exists

  /// What an entry of a list names: an id by its form, for only the ledger knows which accounts there are; a service or an
  /// operation by the charters.
  private func named(_ key: String, in list: String, _ place: String) -> [String] {
    switch list {
    case "contained": exists(key, among: services, "service", place)
    case "closed": exists(key, among: operations, "operation ('service/operation')", place)
    default: Self.identifier(key, place)
    }
  }

  private func exists(
    _ key: String, among names: [String], _ what: String, _ place: String
  ) -> [String] {
    if names.contains(key) { return [] }
    let near = slip(of: key, among: names) ?? nearest(to: key, among: names)
    return ["\(place): there is no such \(what)" + Self.hint(near)]
  }

  /// A word that may well be one of an organisation's own, but not if it is one of these with a slip.
  private func slips(_ key: String, _ names: [String], _ place: String) -> [String] {
    guard !names.contains(key), let near = slip(of: key, among: names) else { return [] }
    return ["\(place) is known to nobody" + Self.hint(near)]
  }

  private func unread(_ object: ObjectValue, _ place: String, _ names: Set<String>) -> [String] {
    object.members.compactMap { member in
      guard let key = Self.text(member.key), !names.contains(key) else { return nil }
      return "\(place)\(key) is read by nobody"
        + Self.hint(slip(of: key, among: names) ?? nearest(to: key, among: names))
    }
  }

  private static func hint(_ near: String?) -> String {
    near.map { "; did you mean '\($0)'?" } ?? ""
  }

  /// Whether a policy that is no test names this list.
  private static func reads(_ draft: PolicyDraft, _ name: String) -> Bool {
    draft.distributed.modules.contains { module in
      module.source.contains("\"\(name)\"")
        || module.source.ranges(of: "access.\(name)").contains { found in
          // `access.suspend` is not read where `access.suspended` is.
          let next = module.source[found.upperBound...].first
          return next.map { !$0.isLetter && !$0.isNumber && $0 != "_" } ?? true
        }
    }
  }

  /// Two names that are one to whoever reads the file: the second would be taken for the first.
  private static func lookalikes(_ value: Value, _ place: String) -> [String] {
    switch value {
    case .object(let object):
      var seen: [String: String] = [:]
      return object.members.flatMap { member -> [String] in
        guard let key = text(member.key) else { return [] }
        let at = place.isEmpty ? key : "\(place).\(key)"
        var faults: [String] = []
        let folded = key.foldedForSlips
        if let other = seen[folded] {
          faults.append("\(at) differs from '\(other)' in case or blanks alone")
        } else if key.first?.isWhitespace == true || key.last?.isWhitespace == true {
          faults.append("\(at): the name '\(key)' has blanks around it")
        }
        seen[folded] = key
        return faults + lookalikes(member.value, at)
      }
    case .array(let items):
      return items.enumerated().flatMap { lookalikes($0.element, "\(place)[\($0.offset)]") }
    case .null, .bool, .number, .string, .set: return []
    }
  }

  // MARK: The organisation's lists for the deploy gate

  private static let organisationLists = [
    "egress", "keyrings", "unsealed_classes", "personal_keepers", "open_routes", "limits_max",
    "public_body_bytes_max", "privileged_folders", "privileged_programs", "kubernetes",
  ]

  /// Lists that the deploy gate reads; one of another name is the organisation's own, unless it is one of these with a slip.
  private func organisation(_ value: Value) -> [String] {
    guard case .object(let lists) = value else { return ["organisation must be an object"] }
    let place = "organisation"
    var faults = lists.members.compactMap { Self.text($0.key) }.flatMap {
      slips($0, Self.organisationLists, "\(place).\($0)")
    }
    func each(_ list: String, _ check: (String, Value, String) -> [String]) {
      guard let entries = lists[.string(list)] else { return }
      faults += Self.each(entries, "\(place).\(list)", check)
    }
    each("limits_max") { name, most, place in
      exists(name, among: CharterFields.limits.all, "limit", place) + Self.whole(most, place)
    }
    each("unsealed_classes") { name, _, place in slips(name, classes, place) }
    each("personal_keepers") { name, keeper, place in
      slips(name, classes, place) + (Self.text(keeper).map { slips($0, services, place) } ?? [])
    }
    each("open_routes") { name, routes, place in
      guard case .array(let ids) = routes else { return ["\(place) must be an array"] }
      guard let charter = charters.charters.first(where: { "\($0.service)" == name }) else {
        return slips(name, services, place)
      }
      return ids.compactMap(Self.text).flatMap { slips($0, charter.operations.map(\.id), place) }
    }
    return faults
  }

  // MARK: Shapes

  private static func text(_ value: Value) -> String? {
    if case .string(let text) = value { text } else { nil }
  }

  private static func each(
    _ list: Value?, _ place: String, _ check: (String, Value, String) -> [String]
  ) -> [String] {
    guard case .object(let members)? = list else { return ["\(place) must be an object"] }
    return members.members.flatMap { member -> [String] in
      guard case .string(let key) = member.key else {
        return ["\(place) has a key that is no text"]
      }
      return check(key, member.value, "\(place).\(key)")
    }
  }

  private static func member(_ name: String, of value: Value) -> Value? {
    if case .object(let members) = value { members[name] } else { nil }
  }

  private static func only(_ names: Set<String>, in value: Value, _ place: String) -> [String] {
    guard case .object(let members) = value else { return ["\(place) must be an object"] }
    return members.members.compactMap { member in
      guard case .string(let key) = member.key, names.contains(key) else {
        return "\(place) has a member that nobody reads: \(member.key)"
      }
      return nil
    }
  }

  private static func texts(_ value: Value, _ place: String) -> [String] {
    if case .string = value { [] } else { ["\(place) must say why, as a text"] }
  }

  /// Ids of people, clients and accounts are compared letter by letter.
  private static func identifier(_ key: String, _ place: String) -> [String] {
    guard PersonID(key) == nil else { return [] }
    let meant = key.foldedForSlips
    return [
      "\(place): expected a lower-case UUID" + hint(PersonID(meant) == nil ? nil : meant)
    ]
  }

  private static func known(_ role: String, in roles: Value?, _ place: String) -> [String] {
    guard case .object(let all)? = roles else { return ["\(place): there are no roles"] }
    if all[.string(role)] != nil { return [] }
    let names = all.members.compactMap { text($0.key) }
    return ["\(place): there is no role '\(role)'" + hint(nearest(to: role, among: names))]
  }

  private static func amounts(_ value: Value?, _ place: String) -> [String] {
    guard let value else { return [] }
    return each(value, "\(place).amount_max") { code, amount, place in
      guard Currency(code) != nil else {
        return ["\(place): there is no such currency (ISO 4217, three capitals)"]
      }
      return whole(amount, place)
    }
  }

  private static func whole(_ value: Value, _ place: String) -> [String] {
    guard case .number = value, let whole = Int(value.jsonText), whole >= 0 else {
      return ["\(place) must be a whole number, 0 or more"]
    }
    return []
  }

  private static func moment(_ value: Value?, _ place: String) -> [String] {
    guard let value else { return [] }
    guard case .string(let text) = value, Instant(text) != nil else {
      return ["\(place).until must be a moment in RFC 3339"]
    }
    return []
  }
}
