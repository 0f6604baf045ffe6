import Crypto
import Vocabulary

/// SHA-256 of a journal entry or a snapshot.
package struct JournalHash: Hashable, Sendable, CustomStringConvertible {
  /// 32 bytes.
  package let bytes: [UInt8]

  /// Before the first entry: 32 zeros.
  package static let none = JournalHash(zeros: ())

  /// Nil unless it is given 32 bytes.
  package init?(_ bytes: some Collection<UInt8>) {
    guard bytes.count == 32 else { return nil }
    self.bytes = Array(bytes)
  }
  private init(zeros: Void) { bytes = Array(repeating: 0, count: 32) }

  init(of message: borrowing [UInt8]) {
    bytes = message.withUnsafeBytes { Array(SHA256.hash(data: $0)) }
  }

  package var description: String { hexText(bytes) }
}

/// A place in the journal: an entry's number, from 1, and its hash.
package struct JournalPosition: Hashable, Sendable {
  package let sequence: Int64
  package let hash: JournalHash

  /// Before the first entry.
  package static let start = JournalPosition(sequence: 0, hash: .none)

  package init(sequence: Int64, hash: JournalHash) {
    self.sequence = sequence
    self.hash = hash
  }
}
