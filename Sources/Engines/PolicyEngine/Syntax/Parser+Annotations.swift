extension Parser {
  /// The blocks that stand before a rule, or before the package.
  mutating func takeAnnotations(before location: Location, isRule: Bool)
    throws(PolicyError) -> [Annotations]
  {
    var taken: [Annotations] = []
    while let block = annotations.first, block.location.line < location.line {
      taken.append(try Annotations(block, isRule: isRule))
      annotations.removeFirst()
    }
    return taken
  }

  /// Metadata that stands before an import, or at the end, is about nothing.
  func refuseAnnotations(before location: Location?) throws(PolicyError) {
    guard let block = annotations.first, location.map({ block.location.line < $0.line }) ?? true
    else { return }
    throw failure("metadata must stand before a rule or a package", at: block.location)
  }
}
