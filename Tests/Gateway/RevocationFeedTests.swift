import AuthorityAPI
import Chassis
import Gateway
import StrictJSON
import Testing
import Vocabulary

private let now = Instant(seconds: 1_800_000_000)

extension TokenGate {
  /// Hears of these, and that there are no others.
  func revoke(_ entries: [(RevocationHandle, Instant)], at moment: Instant) throws {
    while true {
      let after = revocations.after
      let numbered = entries.enumerated().map { place, entry in
        RevocationEntry(
          number: after + 1 + Int64(place), kind: entry.0.kind, id: entry.0.id, at: moment,
          issuedBefore: nil, expiresAt: entry.1)
      }
      let head = after + Int64(entries.count)
      do throws(RevocationFault) {
        let step = try revocations.take(
          RevocationExtract(
            feed: "test", after: after, entries: numbered, next: head, head: head, asOf: moment))
        #expect(step == .whole)
        return
      } catch {
        // Somebody else heard something in between.
        guard error == .otherQuestion else { throw error }
      }
    }
  }
}

/// A feed as its owner would keep it, given out page by page.
private struct Feed {
  var name = "feed"
  var entries: [RevocationEntry] = []
  var head: Int64 = 0

  mutating func add(
    _ kind: RevocationKind, _ id: String, issuedBefore: Instant? = nil, until: Instant? = nil
  ) {
    head += 1
    entries.removeAll { $0.kind == kind && $0.id == id }
    entries.append(
      RevocationEntry(
        number: head, kind: kind, id: id, at: now, issuedBefore: issuedBefore, expiresAt: until))
  }

  func extract(after: Int64, at moment: Instant = now) -> RevocationExtract {
    let later = entries.filter { $0.number > after }
    let page = Array(later.prefix(RevocationExtract.entriesMax))
    let isLast = page.count == later.count
    return RevocationExtract(
      feed: name, after: after, entries: page, next: isLast ? head : page.last?.number ?? head,
      head: head, asOf: moment)
  }
}

@Suite struct `A door that has just been opened` {
  private let issuer = OutsideIssuer()

  private func gate() throws -> TokenGate {
    let gate = TokenGate(
      issuer: OutsideIssuer.issuer, revocations: RevocationPoint(), clock: Clock { now }
    ) { ["keys": []] }
    try gate.replaceKeys(jwks: issuer.jwks, at: now)
    return gate
  }

  @Test func `believes no token before it has read the whole feed`() throws {
    var feed = Feed()
    // What an attacker puts before it: a page of his own revocations and one more.
    for index in 0...RevocationExtract.entriesMax {
      feed.add(.token, "attacker-\(index)", until: now + .seconds(300))
    }
    feed.add(.token, "stolen", until: now + .seconds(300))
    let gate = try gate()
    let token = try issuer.token(at: now, ["jti": "stolen"])
    #expect(!gate.knowsRevocations(forChanges: false, at: now), "nothing was read")
    #expect(try gate.revocations.take(feed.extract(after: 0)) == .more)
    #expect(!gate.knowsRevocations(forChanges: true, at: now), "one page was read")
    #expect(!gate.knowsRevocations(forChanges: false, at: now), "one page was read")
    #expect(try gate.revocations.take(feed.extract(after: gate.revocations.after)) == .whole)
    #expect(gate.knowsRevocations(forChanges: true, at: now))
    #expect(throws: EntryRefusal.revoked) { try gate.check(token[...], at: now).get() }
  }

  @Test func `reads all of it anew when it is another feed or was set back`() throws {
    var feed = Feed()
    feed.add(.client, "suspended")
    feed.add(.token, "stolen", until: now + .seconds(300))
    let gate = try gate()
    #expect(try gate.revocations.take(feed.extract(after: 0)) == .whole)
    var other = Feed(name: "other")
    other.add(.family, "f", until: now + .seconds(300))
    for replaced in [other, Feed()] {
      #expect(try gate.revocations.take(replaced.extract(after: gate.revocations.after)) == .more)
      #expect(!gate.knowsRevocations(forChanges: false, at: now))
      // What is known stays in force meanwhile.
      let handles = [RevocationHandle(.token, "stolen")]
      #expect(gate.revocations.refuses(handles, issuedAt: now))
      #expect(try gate.revocations.take(replaced.extract(after: 0)) == .whole)
      #expect(gate.revocations.refuses(handles, issuedAt: now), "it ends by itself")
      #expect(
        !gate.revocations.refuses([RevocationHandle(.client, "suspended")], issuedAt: now),
        "the new feed does not know it")
    }
  }

  @Test func `takes no extract that leaves something out or answers another question`() throws {
    var feed = Feed()
    for index in 0..<3 { feed.add(.token, "t\(index)", until: now + .seconds(300)) }
    let whole = feed.extract(after: 0)
    func changed(
      after: Int64 = 0, _ entries: [RevocationEntry]? = nil, next: Int64 = 3, head: Int64 = 3
    ) -> RevocationExtract {
      RevocationExtract(
        feed: whole.feed, after: after, entries: entries ?? whole.entries, next: next, head: head,
        asOf: now)
    }
    let table: [(RevocationExtract, RevocationFault)] = [
      (changed(after: 1), .otherQuestion),
      (changed(whole.entries.reversed()), .numbers),
      (changed(next: 2), .numbers),
      (changed(next: 4), .numbers),
      (changed([], next: 2), .numbers),
      (changed([], next: -1), .numbers),
    ]
    for (extract, fault) in table {
      let point = RevocationPoint()
      #expect(throws: fault) { try point.take(extract) }
      #expect(!point.isKnown(within: .seconds(5), at: now))
    }
  }
}

@Suite struct `A suspension in the feed` {
  @Test(arguments: [RevocationKind.client, .person])
  func `ends when it is lifted, and what was issued before stays dead`(kind: RevocationKind) throws
  {
    let issuer = OutsideIssuer()
    let gate = TokenGate(
      issuer: OutsideIssuer.issuer, revocations: RevocationPoint(), clock: Clock { now }
    ) { ["keys": []] }
    try gate.replaceKeys(jwks: issuer.jwks, at: now)
    let id = kind == .client ? OutsideIssuer.client : OutsideIssuer.subject
    var feed = Feed()
    func hear() throws {
      #expect(try gate.revocations.take(feed.extract(after: gate.revocations.after)) == .whole)
    }
    func isLetIn(_ token: String) -> Bool { (try? gate.check(token[...], at: now).get()) != nil }
    try hear()
    let before = try issuer.token(at: now - .seconds(10))
    let after = try issuer.token(at: now)
    #expect(isLetIn(before) && isLetIn(after))
    feed.add(kind, id)
    try hear()
    #expect(!isLetIn(before) && !isLetIn(after))
    feed.add(kind, id, issuedBefore: now, until: now + .seconds(360))
    try hear()
    #expect(!isLetIn(before), "it was issued before the suspension was lifted")
    #expect(isLetIn(after))
  }
}
