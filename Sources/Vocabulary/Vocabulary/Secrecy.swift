import Glibc

/// A value about a person. It prints as `•••` and leaves only through `reveal`, which names why.
package struct Masked<Value: Sendable>: Sendable {
  private let value: Value
  package init(_ value: Value) { self.value = value }
  package func reveal(for purpose: DisclosurePurpose) -> Value { value }
}

/// Why personal data is taken out of its wrapper. The list is closed, so that every reason is known and reviewable.
package enum DisclosurePurpose: String, Sendable {
  /// Writing it, sealed, to the one store that may hold it.
  case sealing
  /// Answering the person the data is about.
  case subjectAccess = "subject-access"
  /// Comparing it with what was typed at sign-in.
  case signIn = "sign-in"
}

extension Masked: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { "•••" }
  package var debugDescription: String { "•••" }
  package var customMirror: Mirror { Mirror(self, children: []) }
}
extension Masked: Equatable where Value: Equatable {}
extension Masked: Hashable where Value: Hashable {}
extension Masked: Decodable where Value: Decodable {
  package init(from decoder: any Decoder) throws {
    value = try decoder.singleValueContainer().decode(Value.self)
  }
}

/// Key material: one fixed allocation, zeroed when it goes, never printed, never copied by accident.
package struct Secret: ~Copyable, @unchecked Sendable {
  // Sendable: the memory is written once, in the initialiser, and only read afterwards.
  private let memory: UnsafeMutableRawBufferPointer

  package init(_ bytes: some Collection<UInt8>) {
    memory = .allocate(byteCount: max(1, bytes.count), alignment: 16)
    for (index, byte) in bytes.enumerated() { memory[index] = byte }
    count = bytes.count
  }
  package let count: Int

  package borrowing func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result)
    rethrows -> Result
  {
    try body(UnsafeRawBufferPointer(rebasing: memory[0..<count]))
  }
  deinit {
    // A compiler may leave out a plain store to memory that is freed next; this one it may not (explicit_bzero(3)).
    if let address = memory.baseAddress { explicit_bzero(address, memory.count) }
    memory.deallocate()
  }
}

extension [UInt8] {
  /// Overwrites bytes that were secret on their way into a `Secret`; copies that others made of them are not reached.
  package mutating func wipe() {
    withUnsafeMutableBytes { if let address = $0.baseAddress { explicit_bzero(address, $0.count) } }
  }
}

/// Compares in time that depends on the length only.
package func constantTimeEqual(_ left: some Collection<UInt8>, _ right: some Collection<UInt8>)
  -> Bool
{
  guard left.count == right.count else { return false }
  var difference: UInt8 = 0
  for (a, b) in zip(left, right) { difference |= a ^ b }
  return difference == 0
}
