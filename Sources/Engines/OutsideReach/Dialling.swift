/// Which addresses may be dialled for a destination.
package enum Dialling {
  package enum Refusal: Error, Hashable, Sendable {
    /// The name leads nowhere.
    case noAddress
    /// It leads, among others, to an address that is not public.
    case special(IPAddress, SpecialPurpose)
  }

  /// Most addresses that are tried.
  package static let addressesMax = 4

  /// One address that is not public spoils the whole answer: whoever mixes them wants the caller to take the wrong one.
  /// - Parameter found: what the name was resolved to, once; the same values are dialled.
  package static func addresses(among found: [IPAddress]) throws(Refusal) -> [IPAddress] {
    guard !found.isEmpty else { throw .noAddress }
    for address in found {
      if let special = SpecialPurpose.of(address) { throw .special(address, special) }
    }
    return Array(found.prefix(addressesMax))
  }
}
