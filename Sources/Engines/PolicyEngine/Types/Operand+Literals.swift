extension Operand {
  var isReference: Bool {
    switch kind {
    case .input, .data, .access: true
    default: false
    }
  }

  /// An array, a set or an object as written, also where all in it is constant.
  var isLiteral: Bool {
    switch kind {
    case .array, .set, .object, .constant(.array), .constant(.set), .constant(.object): true
    default: false
    }
  }

  var elements: [Operand]? {
    switch kind {
    case .array(let elements): elements
    case .constant(.array(let values)): values.map(Operand.constant)
    default: nil
    }
  }

  var setMembers: [Operand]? {
    switch kind {
    case .set(let elements): elements
    case .constant(.set(let set)): set.members.map(Operand.constant)
    default: nil
    }
  }

  var objectMembers: [(key: Operand, value: Operand)]? {
    switch kind {
    case .object(let members): members
    case .constant(.object(let object)):
      object.members.map { (key: .constant($0.key), value: .constant($0.value)) }
    default: nil
    }
  }

  /// Of a literal.
  func forEachElement(_ visit: (Operand) -> Void) {
    (elements ?? setMembers ?? objectMembers?.map(\.value) ?? []).forEach(visit)
  }
}
