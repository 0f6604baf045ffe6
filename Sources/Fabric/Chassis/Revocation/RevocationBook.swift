package import AuthorityAPI
package import Vocabulary

/// Something that a revocation can name.
package struct RevocationHandle: Sendable, Hashable {
  package let kind: RevocationKind
  /// The value of the claim or field that the kind is compared with.
  package let id: String
  /// Nothing is checked: it is only ever compared.
  package init(_ kind: RevocationKind, _ id: String) {
    self.kind = kind
    self.id = id
  }
}

/// Why an extract is not taken.
package enum RevocationFault: Error, Hashable, Sendable {
  /// It answers another question than the one that was asked.
  case otherQuestion
  /// Its numbers do not follow one another within what it says it covers.
  case numbers
}

/// What is revoked, as far as the feed has been read. Pure: extracts in, answers out.
///
/// Nothing is believed before the feed was read to its end once: whoever reads one page and acts on it can be kept from
/// the rest by whoever fills pages.
package struct RevocationBook: Sendable {
  private struct Rule: Sendable {
    let issuedBefore: Instant?
    let expiresAt: Instant?
  }
  private var rules: [RevocationHandle: Rule] = [:]
  /// Handles of a feed that was replaced, until the new one has been read.
  private var unconfirmed: Set<RevocationHandle> = []
  private var feed: String?

  /// The number to ask after.
  package private(set) var after: Int64 = 0
  /// Whether the feed was read to its end since it was begun.
  package private(set) var isWhole = false
  /// All that had been revoked by then is known here; nil before the first reading.
  package private(set) var asOf: Instant?

  package init() {}

  /// Entries in force.
  package var count: Int { rules.count }

  /// What follows from an extract.
  package enum Step: Sendable, Equatable {
    /// There is more: ask again at once.
    case more
    /// All is known as of the extract's moment.
    case whole
  }

  /// Takes an extract that answers the question after `after`. One that is refused changes nothing.
  package mutating func take(_ extract: RevocationExtract) throws(RevocationFault) -> Step {
    guard extract.after == after else { throw .otherQuestion }
    if let feed, feed != extract.feed || extract.head < after { return beginAnew() }
    var last = after
    for entry in extract.entries {
      guard entry.number > last, entry.number <= extract.next else { throw .numbers }
      last = entry.number
    }
    // Without entries a step forward is only to the end.
    guard extract.next >= after, extract.next <= extract.head,
      !extract.entries.isEmpty || extract.next == extract.head
    else { throw .numbers }
    feed = extract.feed
    for entry in extract.entries {
      let handle = RevocationHandle(entry.kind, entry.id)
      rules[handle] = Rule(issuedBefore: entry.issuedBefore, expiresAt: entry.expiresAt)
      unconfirmed.remove(handle)
    }
    after = extract.next
    guard extract.next == extract.head else { return .more }
    // What ends by itself stays until then; a suspension that the new feed does not know was lifted.
    for handle in unconfirmed where rules[handle]?.expiresAt == nil { rules[handle] = nil }
    unconfirmed = []
    isWhole = true
    asOf = extract.asOf
    forget(at: extract.asOf)
    return .whole
  }

  /// Another feed, or one that was set back: what is known stays in force, and nothing new is believed until all of it
  /// has been read.
  private mutating func beginAnew() -> Step {
    feed = nil
    after = 0
    isWhole = false
    unconfirmed = Set(rules.keys)
    return .more
  }

  private mutating func forget(at now: Instant) {
    guard rules.contains(where: { Self.isOver($0.value, at: now) }) else { return }
    rules = rules.filter { !Self.isOver($0.value, at: now) }
  }

  private static func isOver(_ rule: Rule, at now: Instant) -> Bool {
    rule.expiresAt.map { $0 <= now } ?? false
  }

  /// Whether one of these is revoked for what was issued then.
  /// - Parameter issuedAt: nil where nobody knows; then it counts as issued before anything.
  package func refuses(_ handles: [RevocationHandle], issuedAt: Instant?) -> Bool {
    !rules.isEmpty
      && handles.contains { handle in
        guard let rule = rules[handle] else { return false }
        guard let end = rule.issuedBefore, let issuedAt else { return true }
        // A token's time of issue is in whole seconds.
        return issuedAt.seconds < end.seconds
      }
  }
}
