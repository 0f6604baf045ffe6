import SwiftASN1
package import X509

/// The X.509 authorities of one trust domain: whoever chains to one of them is a member (SPIFFE
/// Trust Domain and Bundle §3). Several during the overlap of a root rotation.
package struct TrustBundle: Sendable, Hashable {
  /// More roots than this are refused; a rotation needs two.
  package static let authoritiesMax = 16

  /// As in `spiffe://<trust domain>/…`.
  package let trustDomain: String
  /// The parsed roots, oldest first.
  package let authorities: [Certificate]
  /// The same roots in DER, in the same order.
  package let authorityBytes: [[UInt8]]

  /// Parses the roots once, so that a handshake need not.
  /// - Throws: `PeerRefusal.malformedBundle` when one does not parse, or there are more than
  ///   `authoritiesMax`.
  package init(trustDomain: String, der authorityBytes: [[UInt8]]) throws(PeerRefusal) {
    guard authorityBytes.count <= Self.authoritiesMax else { throw .malformedBundle }
    do {
      authorities = try authorityBytes.map { try Certificate(derEncoded: $0) }
    } catch {
      throw .malformedBundle
    }
    self.trustDomain = trustDomain
    self.authorityBytes = authorityBytes
  }
}

extension [[UInt8]] {
  /// Cuts a run of concatenated DER certificates, as the Workload API sends them, into single ones.
  /// Nil when an element is not a DER sequence, is cut short, or there are more than `limit`.
  package init?(concatenatedDER bytes: some Collection<UInt8>, limit: Int) {
    var rest = ArraySlice(Array<UInt8>(bytes))
    var parts: [[UInt8]] = []
    while !rest.isEmpty {
      guard parts.count < limit, let length = derElementLength(rest), length <= rest.count else {
        return nil
      }
      parts.append(Array<UInt8>(rest.prefix(length)))
      rest = rest.dropFirst(length)
    }
    self = parts
  }
}

/// The whole length, header included, of the SEQUENCE that starts here (X.690 §8.1.3; at most three
/// length bytes).
private func derElementLength(_ bytes: ArraySlice<UInt8>) -> Int? {
  let start = bytes.startIndex
  guard bytes.count >= 2, bytes[start] == 0x30 else { return nil }
  let first = bytes[start + 1]
  guard first >= 0x80 else { return 2 + Int(first) }
  let count = Int(first & 0x7f)
  guard (1...3).contains(count), bytes.count >= 2 + count else { return nil }
  var length = 0
  for index in 0..<count { length = length << 8 | Int(bytes[start + 2 + index]) }
  return 2 + count + length
}
