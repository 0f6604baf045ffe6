import PolicyEngine
import Telemetry

/// Finds credentials in what is about to be logged. OPA logs what it was asked with, and the tokens
/// in it; a log is read by more people than may use them. What is one, `Telemetry` says: the logs and
/// traces of all services are cleaned by the same scanner.
enum CredentialScan {
  /// The value without what is, or may be, a credential; adds where that stood.
  static func without(_ value: Value, at pointer: String, _ erased: inout [String]) -> Value? {
    switch value {
    case .string(let text):
      guard isCredential(text) else { return value }
      erased.append(pointer)
      return nil
    case .array(let elements):
      return .array(
        elements.enumerated().map { index, element in
          let place = "\(pointer)/\(index)"
          guard index > 0, isNamed(elements, index), holdsText(element) else {
            return without(element, at: place, &erased) ?? .null
          }
          erased.append(place)
          return .null
        })
    case .object(let object):
      let named = namedMember(object)
      var kept: [(Value, Value)] = []
      for member in object.members {
        guard case .string(let name) = member.key else { continue }
        // A token as a member's name: neither the name nor the place may be told.
        guard !isCredential(name) else {
          erased.append("\(pointer)/-")
          continue
        }
        let escaped = name.replacing("~", with: "~0").replacing("/", with: "~1")
        let place = "\(pointer)/\(escaped)"
        if SecretNames.isSecret(name) || name == named, holdsText(member.value) {
          erased.append(place)
        } else if let inner = without(member.value, at: place, &erased) {
          kept.append((member.key, inner))
        }
      }
      return .object(ObjectValue(kept))
    case .null, .bool, .number, .set: return value
    }
  }

  /// `{"token": true}` tells nothing that may not be read.
  private static func holdsText(_ value: Value) -> Bool {
    switch value {
    case .string, .number: true
    case .array(let elements): elements.contains(where: holdsText)
    case .set(let set): set.members.contains(where: holdsText)
    case .object(let object): object.members.contains { holdsText($0.value) }
    case .null, .bool: false
    }
  }

  /// Whether an element is the value of the name before it: `["authorization", "…"]`, or a header's
  /// in a list of names and values in turn.
  private static func isNamed(_ elements: [Value], _ index: Int) -> Bool {
    guard case .string(let name) = elements[index - 1] else { return false }
    return elements.count == 2
      ? SecretNames.isSecret(name)
      : index % 2 == 1 && elements.count % 2 == 0 && SecretNames.isHeader(name)
  }

  private static let nameMembers = ["name", "key", "header", "field", "Name", "Key"]
  private static let valueMembers = ["value", "values", "content", "Value", "Values"]

  /// The member with the value of what another member names: `{"name": "Authorization", "value": "…"}`.
  private static func namedMember(_ object: ObjectValue) -> String? {
    let isSecret = nameMembers.contains { name in
      guard case .string(let text)? = object[name] else { return false }
      return SecretNames.isSecret(text)
    }
    return isSecret ? valueMembers.first { object[$0] != nil } : nil
  }

  /// Whether a text has a credential in it.
  static func isCredential(_ text: String) -> Bool { Masking.holdsCredential(text) }
}
