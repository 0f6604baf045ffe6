/// Where random bits come from. Fabric passes the system's generator; tests pass a seeded one and print the seed.
package struct Randomness: Sendable {
  package let next: @Sendable () -> UInt64

  package init(next: @escaping @Sendable () -> UInt64) { self.next = next }

  /// The operating system's generator (getrandom), fit for keys.
  package static let system = Randomness {
    var generator = SystemRandomNumberGenerator()
    return generator.next()
  }

  package func bits128() -> UInt128 { UInt128(next()) << 64 | UInt128(next()) }

  package func bytes(_ count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + 7)
    while bytes.count < count {
      let word = next()
      for shift in stride(from: 0, to: 64, by: 8) {
        bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
      }
    }
    bytes.removeLast(bytes.count - count)
    return bytes
  }
}
