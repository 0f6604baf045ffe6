import PolicyEngine

/// A small policy that regopy 1.5.2 decides otherwise than Open Policy Agent's documentation says.
/// ``PolicyDraw`` leaves such policies out, or draws them in a form that both get right.
package struct PeerFault: Sendable {
  package let name: String
  /// What OPA documents.
  package let rule: String
  package let question: PolicyQuestion
  /// `data.p` as OPA documents it.
  package let documented: String

  private init(_ name: String, _ rule: String, _ body: String, _ documented: String) {
    self.name = name
    self.rule = rule
    self.documented = documented
    let input = """
      {"n": 3, "s": "ab", "ns": [3, 1, 2], "ss": ["b", "a"], "o": {"a": 1, "k": 2}}
      """
    question = PolicyQuestion(
      source: "package p\n\nimport rego.v1\n\n\(body)\n",
      inputs: [(try? Value.parse(json: Array(input.utf8))) ?? .null])
  }

  /// Whether an answer is what OPA documents.
  package func isDocumented(_ answer: PolicyDispute.Answer) -> Bool {
    guard let value = try? Value.parse(json: Array(documented.utf8)) else { return false }
    return answer != .died && PolicyDispute.isSame(answer, .value(value))
  }

  package static let all = [
    PeerFault(
      "numbers are ordered as texts", "sort: elements ascend",
      #"r := sort([10, 9, 2])[0]"#, #"{"r": 2}"#),
    PeerFault(
      "the largest number is that of texts", "max: the largest element",
      #"r := max([10, 9])"#, #"{"r": 10}"#),
    PeerFault(
      "the smallest number is that of texts", "min: the smallest element",
      #"r := min([10, 9])"#, #"{"r": 9}"#),
    PeerFault(
      "the largest of nothing is a value", "max: undefined for an empty array",
      #"r := 1 if { x := max([]) }"#, "{}"),
    PeerFault(
      "a function runs on an argument that is undefined", "a call of undefined is undefined",
      """
      f(_) := 1

      r := f(max([]))
      """, "{}"),
    PeerFault(
      "texts are compared with their closing quotes", "texts compare by their characters",
      #"r if "ab" < "ab c""#, #"{"r": true}"#),
    PeerFault(
      "a computed text keeps its quotes in another", "sprintf: %s writes the characters",
      #"r := sprintf("%s:%d", [lower("a"), 4])"#, #"{"r": "a:4"}"#),
    PeerFault(
      "bits in base 2", "format_int: the number in the given base",
      #"r := format_int(24, 2)"#, #"{"r": "11000"}"#),
    PeerFault(
      "remainders of larger numbers", "%: the remainder of the division",
      "r := [31 % 3, 6000 % 3]", #"{"r": [1, 0]}"#),
    PeerFault(
      "arrays have no text", "json.marshal: the text of any value",
      "r := json.marshal(input.ns)", #"{"r": "[3,1,2]"}"#),
    PeerFault(
      "a comprehension ends at the comma of its some", "some x, y in z declares both",
      "r := {k | some k, _ in input.o}", #"{"r": ["a", "k"]}"#),
    PeerFault(
      "contains before a bracket is a call", "contains makes a rule one of a set",
      #"r contains ("a") if true"#, #"{"r": ["a"]}"#),
    PeerFault(
      "a line that begins with a bracket goes on with the last one", "a line ends an expression",
      """
      r if {
        3 == input.n
        (4 % 2) < 1
      }
      """, #"{"r": true}"#),
    PeerFault(
      "a comparison is no value", "comparisons are true or false",
      "r := 1 if false == (1 == 0)", #"{"r": 1}"#),
    PeerFault(
      "an inner name does not hide an outer one", "a comprehension has names of its own",
      "r := [y | some x in [y | some x in [2]; y := x * 2]; y := 1]", #"{"r": [1]}"#),
    PeerFault(
      "not over an object of a name of its own", "not holds if the expression does not",
      #"r if not startswith("a", concat("-", [k | some k; o := input.o; _ = o[k]]))"#,
      #"{"r": true}"#),
    PeerFault(
      "not over something undefined", "not: undefined where an argument in it is",
      """
      f(x) := x

      r if not f(input.none)
      """, "{}"),
    PeerFault(
      "not in every", "every: all of its body for each element",
      "r if every x in [1] { not x == 1 }", "{}"),
    PeerFault(
      "a comprehension in every does not know its element",
      "every: its names are bound in its body",
      "r if every x in [1] { 1 in {y | some y in [x, 2]} }", #"{"r": true}"#),
    PeerFault(
      "with a document that is not there", "with: undefined if its value is",
      """
      a := 1

      r if a == 1 with input.n as data.n
      """, #"{"a": 1}"#),
    PeerFault(
      "a patch changes what it is given", "json.patch: a new value",
      """
      a[lower("B")] := 2 if true

      r := json.patch(a, [{"op": "add", "path": "/b", "value": 1}])

      same if a == r
      """, #"{"a": {"b": 2}, "r": {"b": 1}}"#),
    PeerFault(
      "quotients have six digits", "/: the quotient",
      "r := [x | x := abs(8 / 3); x < 2.6666667]", #"{"r": [2.6666666666666665]}"#),
    PeerFault(
      "values of different kinds have no order", "null, then booleans, numbers, texts",
      #"r if 1 < "a""#, #"{"r": true}"#),
    PeerFault(
      "a key of a rule with a name of its body in a text",
      "$: the text with the values of its terms",
      #"r[$"{k}"] := 1 if some k in ["a"]"#, #"{"r": {"a": 1}}"#),
  ]
}
