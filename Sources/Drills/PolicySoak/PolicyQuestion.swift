package import PolicyEngine

/// What both engines are asked: what `data.p` is for each input.
package struct PolicyQuestion: Sendable {
  /// Module `p`.
  package var source: String
  package var data: Value
  package var inputs: [Value]

  package init(source: String, data: Value = .object(ObjectValue([])), inputs: [Value]) {
    self.source = source
    self.data = data
    self.inputs = inputs
  }

  /// As one line, for the peer.
  package var line: String {
    let members: [(Value, Value)] = [
      (.string("source"), .string(source)), (.string("data"), data),
      (.string("inputs"), .array(inputs)),
    ]
    return Value.object(ObjectValue(members)).jsonText + "\n"
  }
}
