package import Charters
package import PolicyEngine

/// Purposes that charters ask for and no role of the policies' lists allows: every call for one is refused, and only a log
/// would say why.
package struct PurposeGap: Hashable, Sendable, CustomStringConvertible {
  package let purpose: String
  /// `service/operation`, sorted.
  package let operations: [String]
  package let file: String
  package let line: Int
  /// The role that a person has unless told otherwise, or the first one.
  package let role: String

  /// What to write, where.
  package var hint: String {
    "add \"\(purpose)\": {} to access.roles.\(role).purposes in Policies/data.json, or to another role's"
  }

  package var description: String {
    "\(file):\(line):1: warning: no role allows the purpose \(purpose), so \(operations.joined(separator: " and ")) "
      + "\(operations.count == 1 ? "is" : "are") refused to everybody; \(hint)"
  }

  /// - Parameters:
  ///   - files: where the charters' text is, for the place.
  ///   - data: the policies' lists; without roles in them nothing is said, for then other policies decide.
  package static func all(
    _ charters: CharterSet, in files: [CharterFile], by data: Value
  ) -> [PurposeGap] {
    guard let access = data.member("access"), case .object(let roles)? = access.member("roles")
    else { return [] }
    let allowed = Set(
      roles.members.flatMap { role -> [Value] in
        guard case .object(let purposes)? = role.value.member("purposes") else { return [] }
        return purposes.members.map(\.key)
      })
    var wanted: [String: [String]] = [:]
    for charter in charters.charters {
      for operation in charter.operations {
        guard let purpose = operation.purpose, !allowed.contains(.string(purpose)) else { continue }
        wanted[purpose, default: []].append("\(charter.service)/\(operation.id)")
      }
    }
    return wanted.sorted { $0.key < $1.key }.map { purpose, operations in
      let place = place(of: purpose, in: files)
      return PurposeGap(
        purpose: purpose, operations: operations.sorted(), file: place.file, line: place.line,
        role: role(in: access, roles))
    }
  }

  private static func role(in access: Value, _ roles: ObjectValue) -> String {
    if case .array(let names)? = access.member("default_roles")?.member("person"),
      case .string(let name)? = names.first, roles[.string(name)] != nil
    {
      return name
    }
    for role in roles.members { if case .string(let name) = role.key { return name } }
    return "ROLE"
  }

  private static func place(of purpose: String, in files: [CharterFile]) -> (
    file: String, line: Int
  ) {
    for file in files {
      let lines = file.text.split(separator: "\n", omittingEmptySubsequences: false)
      if let line = lines.firstIndex(where: { Self.names(purpose, $0) }) {
        return (file.name, line + 1)
      }
    }
    return (files.first?.name ?? "charter.yaml", 1)
  }

  private static func names(_ purpose: String, _ line: Substring) -> Bool {
    guard let found = line.firstRange(of: "purpose: ") else { return false }
    let word = line[found.upperBound...].prefix { !",} #".contains($0) }
    return word == purpose || word == "\"\(purpose)\"" || word == "'\(purpose)'"
  }
}

extension Value {
  fileprivate func member(_ name: String) -> Value? {
    guard case .object(let members) = self else { return nil }
    return members[.string(name)]
  }
}
