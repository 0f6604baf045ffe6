package import Vocabulary

/// Finds what answers a method and a path. A tree by segments: literals are tried first, then a
/// parameter, then the rest of the path; cost grows with the path's segments, not with the number
/// of routes.
package struct RouteTable<Target: Sendable>: Sendable {
  private struct Leaf: Sendable {
    let target: Target
    let names: [String]
  }
  private struct Branch: Sendable {
    var literals: [Substring: Int] = [:]
    var parameter: Int?
    var leaves: [HTTPMethod: Leaf] = [:]
    var rest: [HTTPMethod: Leaf] = [:]
  }

  private var branches: [Branch] = [Branch()]

  /// Longest path that can match, bytes.
  package static var pathBytesMax: Int { 2_048 }

  /// A table of nothing.
  package init() {}

  /// Adds a route. Returns the target that already holds a template of the same shape and method,
  /// and then changes nothing.
  package mutating func add(
    _ method: HTTPMethod, _ template: PathTemplate, _ target: Target
  ) -> Target? {
    var at = 0
    let leaf = Leaf(target: target, names: template.parameters)
    for segment in template.segments {
      switch segment {
      case .literal(let text): at = step(from: at, literal: Substring(text))
      case .parameter: at = stepParameter(from: at)
      case .rest:
        if let holder = branches[at].rest[method] { return holder.target }
        branches[at].rest[method] = leaf
        return nil
      }
    }
    if let holder = branches[at].leaves[method] { return holder.target }
    branches[at].leaves[method] = leaf
    return nil
  }

  private mutating func step(from at: Int, literal: Substring) -> Int {
    if let next = branches[at].literals[literal] { return next }
    branches.append(Branch())
    branches[at].literals[literal] = branches.count - 1
    return branches.count - 1
  }

  private mutating func stepParameter(from at: Int) -> Int {
    if let next = branches[at].parameter { return next }
    branches.append(Branch())
    branches[at].parameter = branches.count - 1
    return branches.count - 1
  }

  /// The target of the route that matches, and its path parameters. The path comes without its
  /// query.
  package func match(
    _ method: HTTPMethod, _ path: String
  ) -> (target: Target, parameters: [String: String])? {
    guard let parts = Self.segments(of: path) else { return nil }
    var found: [Substring] = []
    guard let leaf = search(0, parts[...], &found, { $0[method] }) else { return nil }
    var parameters: [String: String] = [:]
    for (name, value) in zip(leaf.names, found) { parameters[name] = String(value) }
    return (leaf.target, parameters)
  }

  /// The methods some route accepts on this path.
  package func methods(on path: String) -> [HTTPMethod] {
    guard let parts = Self.segments(of: path) else { return [] }
    return HTTPMethod.allCases.filter { method in
      var found: [Substring] = []
      return search(0, parts[...], &found, { $0[method] }) != nil
    }
  }

  private func search(
    _ at: Int, _ parts: ArraySlice<Substring>, _ found: inout [Substring],
    _ pick: ([HTTPMethod: Leaf]) -> Leaf?
  ) -> Leaf? {
    let branch = branches[at]
    guard let part = parts.first else { return pick(branch.leaves) }
    if let next = branch.literals[part],
      let leaf = search(next, parts.dropFirst(), &found, pick)
    {
      return leaf
    }
    if let next = branch.parameter {
      found.append(part)
      if let leaf = search(next, parts.dropFirst(), &found, pick) { return leaf }
      found.removeLast()
    }
    guard let leaf = pick(branch.rest), let last = parts.last else { return nil }
    // The segments are slices of one string, so the rest of the path is from the first to the end
    // of the last.
    found.append(Substring(part.base[part.startIndex..<last.endIndex]))
    return leaf
  }

  /// Nil for a path that no resource is spelled by.
  private static func segments(of path: String) -> [Substring]? {
    guard path.utf8.count <= pathBytesMax, path.utf8.first == 0x2f else { return nil }
    if path.utf8.count == 1 { return [] }
    let parts = path.dropFirst().split(
      separator: "/", maxSplits: PathTemplate.segmentsMax, omittingEmptySubsequences: false)
    guard parts.count <= PathTemplate.segmentsMax, parts.allSatisfy(isPathSegment) else {
      return nil
    }
    return parts
  }
}
