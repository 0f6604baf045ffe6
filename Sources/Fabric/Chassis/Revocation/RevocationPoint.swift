package import AuthorityAPI
import Synchronization
package import Vocabulary

/// Where a process looks up what is revoked. A class: requests read what the follower of the feed changes.
package final class RevocationPoint: Sendable {
  private let book = Mutex(RevocationBook())

  package init() {}

  /// The number to ask after.
  package var after: Int64 { book.withLock { $0.after } }

  /// What is known, for readiness.
  package var standing: (number: Int64, entries: Int, isWhole: Bool, asOf: Instant?) {
    book.withLock { ($0.after, $0.count, $0.isWhole, $0.asOf) }
  }

  /// - Throws: `RevocationFault`; then nothing has changed.
  package func take(_ extract: RevocationExtract) throws(RevocationFault) -> RevocationBook.Step {
    try book.withLock { (book) throws(RevocationFault) in try book.take(extract) }
  }

  /// Whether one of these is revoked for what was issued then; see `RevocationBook`.
  package func refuses(_ handles: [RevocationHandle], issuedAt: Instant?) -> Bool {
    book.withLock { $0.refuses(handles, issuedAt: issuedAt) }
  }

  /// Whether the whole feed is known, and as of a moment that is not further away than this.
  package func isKnown(within limit: Duration, at now: Instant) -> Bool {
    guard let asOf = book.withLock({ $0.isWhole ? $0.asOf : nil }) else { return false }
    // What was heard in the future was heard before the clock was set back: nobody knows how long ago.
    return asOf - limit < now && now < asOf + limit
  }
}
