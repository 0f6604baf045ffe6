import PolicyEngine
import Vocabulary

/// Whether `data.access` has the shape that `Policies/access` reads. A list of another shape is not read as an empty one
/// by mistake: whoever is suspended in a list that nobody can read is not suspended.
enum AccessLists {
  /// Empty for sound lists; else each fault with its place. Lists of other names are the organisation's own.
  static func faults(_ data: Value) -> [String] {
    guard case .object(let all) = data, case .object(let lists)? = all["access"] else {
      return ["data.json: access must be an object"]
    }
    var faults: [String] = []
    for name in ["suspended", "frozen", "contained", "closed"] {
      faults += each(lists[name], "access.\(name)") { key, reason, place in
        texts(reason, place) + (name == "suspended" ? subject(key, place) : [])
      }
    }
    faults += each(lists["roles"], "access.roles") { _, role, place in
      only(["purposes"], in: role, place)
        + each(member("purposes", of: role), "\(place).purposes") { _, grant, place in
          only(["amount_max"], in: grant, place) + amounts(member("amount_max", of: grant), place)
        }
    }
    faults += each(lists["members"], "access.members") { key, member, place in
      subject(key, place) + only(["roles"], in: member, place)
        + each(Self.member("roles", of: member), "\(place).roles") { role, membership, place in
          known(role, in: lists["roles"], place) + only(["until"], in: membership, place)
            + moment(Self.member("until", of: membership), place)
        }
    }
    faults += each(lists["default_roles"], "access.default_roles") { _, roles, place in
      guard case .array(let names) = roles else { return ["\(place) must be an array"] }
      return names.flatMap { name -> [String] in
        guard case .string(let text) = name else { return ["\(place) must hold names of roles"] }
        return known(text, in: lists["roles"], place)
      }
    }
    return faults.map { "data.json: \($0)" }
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

  /// People's and clients' ids are compared letter by letter.
  private static func subject(_ key: String, _ place: String) -> [String] {
    PersonID(key) == nil ? ["\(place): expected a lower-case UUID"] : []
  }

  private static func known(_ role: String, in roles: Value?, _ place: String) -> [String] {
    if case .object(let all)? = roles, all[role] != nil { return [] }
    return ["\(place): there is no role '\(role)'"]
  }

  private static func amounts(_ value: Value?, _ place: String) -> [String] {
    guard let value else { return [] }
    return each(value, "\(place).amount_max") { _, amount, place in
      guard case .number = amount, let whole = Int(amount.jsonText), whole >= 0 else {
        return ["\(place) must be a whole number of minor units"]
      }
      return []
    }
  }

  private static func moment(_ value: Value?, _ place: String) -> [String] {
    guard let value else { return [] }
    guard case .string(let text) = value, Instant(text) != nil else {
      return ["\(place).until must be a moment in RFC 3339"]
    }
    return []
  }
}
