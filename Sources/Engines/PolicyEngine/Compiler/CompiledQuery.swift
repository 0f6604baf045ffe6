/// A query compiled against a policy.
package struct CompiledQuery: Sendable {
  /// A line of the query, as `opa eval` shows it.
  package struct Line: Sendable {
    package let text: String
    package let location: Location
    /// Where its value is kept; nil for what has no value but `true`.
    let slot: Int?
  }

  let block: Block
  let slots: Int
  /// The variables that a result shows, with their slots.
  let variables: [(name: String, slot: Int)]
  /// Empty unless values are kept.
  package let lines: [Line]

  /// - Parameter keepsValues: a result shows the value of each line; then one that is false does
  ///   not end the query.
  /// - Throws: `PolicyErrors`.
  package init(_ source: String, policy: CompiledPolicy, keepsValues: Bool = false)
    throws(PolicyErrors)
  {
    let names: [String]
    do {
      let body = try Parser.query(source)
      let resolver = Resolver(
        names: .init(package: ["data"], imports: [:], rules: []), tree: policy.root,
        groups: policy.groups, outside: policy.outside)
      let query = try resolver.query(body, keepsValues: keepsValues)
      block = query.block
      slots = resolver.slotCount
      variables = query.variables
      lines = keepsValues ? try Self.lines(source, body, query.values) : []
      names = resolver.slotNames
    } catch {
      throw PolicyErrors(errors: [error])
    }
    guard let rules = policy.types else { return }
    let start = Location(file: "query", line: 1, column: 1)
    var types = BodyTypes(rules: rules, names: names, location: start)
    types.check(block)
    guard types.errors.isEmpty else { throw PolicyErrors(errors: types.errors) }
  }

  private static func lines(_ source: String, _ body: Body, _ values: [Int?]) throws(PolicyError)
    -> [Line]
  {
    let tokens = try Lexer.tokens(of: source, file: "query").filter {
      $0.kind != .end && $0.kind != .symbol(";")
    }
    let bytes = Array(source.utf8)
    let starts = body.map { line in tokens.firstIndex { $0.location == line.location } ?? 0 }
    return body.indices.map { index in
      let last = index + 1 < starts.count ? starts[index + 1] - 1 : tokens.count - 1
      let range = tokens[starts[index]].range.lowerBound..<tokens[last].range.upperBound
      return Line(
        text: String(decoding: bytes[range], as: UTF8.self), location: body[index].location,
        slot: values[index])
    }
  }
}
