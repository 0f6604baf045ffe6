extension Builtins {
  private static func block(_ text: String) throws -> AddressBlock {
    guard let block = AddressBlock(cidr: text) else {
      throw BuiltinFailure.value("invalid CIDR address: \(text)")
    }
    return block
  }

  private static func blockOrAddress(_ text: String) throws -> AddressBlock {
    guard let block = AddressBlock(blockOrAddress: text) else {
      throw BuiltinFailure.value("invalid CIDR address: \(text)")
    }
    return block
  }

  static let networks: [Builtin] = [
    Builtin("net.cidr_contains", 2) { _, values in
      let outer = try block(try Arguments(values).string(0))
      return .bool(outer.contains(try blockOrAddress(try Arguments(values).string(1))))
    },
    Builtin("net.cidr_intersects", 2) { _, values in
      let first = try block(try Arguments(values).string(0))
      let second = try block(try Arguments(values).string(1))
      return .bool(first.contains(second) || second.contains(first))
    },
    Builtin("net.cidr_is_valid", 1) { _, values in
      guard case .string(let text) = values[0] else { return .bool(false) }
      return .bool(AddressBlock(cidr: text) != nil)
    },
    Builtin("net.cidr_expand", 1) { context, values in
      let block = try block(try Arguments(values).string(0))
      let hostBits = block.bits - block.prefix
      guard hostBits <= 24 else { throw BuiltinFailure.value("block is too large to expand") }
      var addresses: [Value] = []
      for number in 0..<(1 << hostBits) {
        try context.charge(1)
        try context.allocate(64)
        var bytes = block.bytes
        for place in 0..<4 where place < bytes.count {
          bytes[bytes.count - 1 - place] |= UInt8(truncatingIfNeeded: number >> (8 * place))
        }
        addresses.append(.string(AddressBlock.text(bytes)))
      }
      return .set(SetValue(addresses))
    },
    Builtin("net.cidr_contains_matches", 2) { context, values in
      let outer = try keyed(values[0], 0).map { (try block($0.text), $0.key) }
      let inner = try keyed(values[1], 1).map { (try blockOrAddress($0.text), $0.key) }
      try context.charge(outer.count * inner.count)
      var matches: [Value] = []
      for (block, key) in outer {
        for (other, otherKey) in inner where block.contains(other) {
          matches.append(.array([key, otherKey]))
        }
      }
      return .set(SetValue(matches))
    },
    Builtin("net.cidr_merge", 1) { context, values in
      let blocks = try Arguments(values).strings(0).map(mergeable)
      try context.charge(blocks.count)
      return .set(SetValue(merged(blocks).map { .string($0.description) }))
    },
  ]

  /// Blocks with what a match calls them: the key in their collection.
  private static func keyed(_ value: Value, _ index: Int) throws -> [(text: String, key: Value)] {
    func text(_ element: Value) throws -> String {
      switch element {
      case .string(let text): return text
      case .array(let parts):
        if case .string(let text)? = parts.first { return text }
      default: break
      }
      throw BuiltinFailure.operand(index + 1, "string or array with a string in front", element)
    }
    switch value {
    case .string(let text): return [(text, value)]
    case .array(let elements):
      return try elements.enumerated().map { (try text($1), .integer($0)) }
    case .set(let set): return try set.members.map { (try text($0), $0) }
    case .object(let object): return try object.members.map { (try text($0.value), $0.key) }
    default:
      throw BuiltinFailure.operand(index + 1, "one of {string, array, set, object}", value)
    }
  }

  /// An IPv4 address without a prefix stands for its class's network, as Go's default mask has it.
  private static func mergeable(_ text: String) throws -> AddressBlock {
    if let block = AddressBlock(cidr: text) { return block }
    guard let address = AddressBlock.address(text) else {
      throw BuiltinFailure.value("invalid CIDR address: \(text)")
    }
    guard address.count == 4 else {
      throw BuiltinFailure.value("IPv6 invalid: needs prefix length")
    }
    let prefix = address[0] < 128 ? 8 : address[0] < 192 ? 16 : 24
    return AddressBlock(bytes: address, prefix: prefix)
  }

  private static func merged(_ blocks: [AddressBlock]) -> [AddressBlock] {
    var result: [AddressBlock] = []
    for block in blocks.sorted() {
      if let last = result.last, last.contains(block) { continue }
      result.append(block)
      while result.count > 1 {
        let (first, second) = (result[result.count - 2], result[result.count - 1])
        guard first.prefix == second.prefix, first.prefix > 0 else { break }
        let whole = AddressBlock(bytes: first.bytes, prefix: first.prefix - 1)
        guard whole.contains(second), whole.contains(first) else { break }
        result.removeLast(2)
        result.append(whole)
      }
    }
    return result
  }

  // MARK: Versions and graphs

  static let versions: [Builtin] = [
    Builtin("semver.is_valid", 1) { _, values in
      guard case .string(let text) = values[0] else { return .bool(false) }
      return .bool(SemanticVersion(text) != nil)
    },
    Builtin("semver.compare", 2) { _, values in
      let versions = try (0...1).map { index in
        let text = try Arguments(values).string(index)
        guard let version = SemanticVersion(text) else {
          throw BuiltinFailure.value(
            "operand \(index + 1): string \"\(text)\" is not a valid SemVer")
        }
        return version
      }
      return .integer(versions[0].compared(to: versions[1]))
    },
  ]

  static let graphs: [Builtin] = [
    Builtin("graph.reachable", 2) { context, values in
      let graph = try Arguments(values).object(0)
      var open = try Arguments(values).elements(1)
      var found: Set<Value> = []
      while let node = open.popLast() {
        try context.charge(1)
        guard !found.contains(node), let edges = graph[node] else { continue }
        found.insert(node)
        open += neighbours(edges)
      }
      return .set(SetValue(sorted: found.sorted()))
    },
    Builtin("graph.reachable_paths", 2) { context, values in
      let graph = try Arguments(values).object(0)
      var paths: Set<Value> = []
      for root in try Arguments(values).elements(1) where graph[root] != nil {
        try extend([root], graph, &paths, &context)
      }
      return .set(SetValue(sorted: paths.sorted()))
    },
  ]

  private static func neighbours(_ edges: Value) -> [Value] {
    switch edges {
    case .array(let elements): elements
    case .set(let set): set.members
    default: []
    }
  }

  /// Paths end at a node without edges, and before one that they hold already.
  private static func extend(
    _ path: [Value], _ graph: ObjectValue, _ paths: inout Set<Value>,
    _ context: inout BuiltinContext
  ) throws {
    try context.charge(path.count)
    guard path.count < 1_000 else { throw BuiltinFailure.value("path is too long") }
    var isEnd = true
    for next in neighbours(path.last.flatMap { graph[$0] } ?? .null) where graph[next] != nil {
      if path.contains(next) { continue }
      isEnd = false
      try extend(path + [next], graph, &paths, &context)
    }
    if isEnd {
      try context.allocate(path.count * 32)
      paths.insert(.array(path))
    }
  }
}

/// Semantic Versioning 2.0.0.
struct SemanticVersion {
  private let core: [Number]
  private let labels: [String]

  init?(_ text: String) {
    let parts = text.split(separator: "+", maxSplits: 1, omittingEmptySubsequences: false)
    let version = parts[0].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    let numbers = version[0].split(separator: ".", omittingEmptySubsequences: false)
    let core = numbers.compactMap(Self.number)
    guard numbers.count == 3, core.count == 3 else { return nil }
    self.core = core
    labels =
      version.count == 2
      ? version[1].split(separator: ".", omittingEmptySubsequences: false).map(String.init) : []
    let build =
      parts.count == 2 ? parts[1].split(separator: ".", omittingEmptySubsequences: false) : []
    guard (labels + build.map(String.init)).allSatisfy(Self.isIdentifier) else { return nil }
  }

  private static func number(_ text: Substring) -> Number? {
    guard text.utf8.allSatisfy({ (48...57).contains($0) }), text == "0" || !text.hasPrefix("0")
    else { return nil }
    return Number(spelled: text.utf8)
  }

  private static func isIdentifier(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy { byte in
        switch byte {
        case 48...57, 65...90, 97...122, UInt8(ascii: "-"): true
        default: false
        }
      }
  }

  /// Negative, zero or positive (§11); build metadata does not count.
  func compared(to other: SemanticVersion) -> Int {
    for (left, right) in zip(core, other.core) where left != right { return left < right ? -1 : 1 }
    if labels.isEmpty || other.labels.isEmpty {
      return labels.count == other.labels.count ? 0 : labels.isEmpty ? 1 : -1
    }
    for (left, right) in zip(labels, other.labels) where !isSameText(left, right) {
      switch (Self.number(left[...]), Self.number(right[...])) {
      case (let first?, let second?): return first < second ? -1 : 1
      case (_?, nil): return -1
      case (nil, _?): return 1
      case (nil, nil): return left.utf8.lexicographicallyPrecedes(right.utf8) ? -1 : 1
      }
    }
    return (labels.count - other.labels.count).signum()
  }
}
