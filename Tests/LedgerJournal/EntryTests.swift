import LedgerBook
import LedgerJournal
import Testing
import Vocabulary

@Suite struct `A journal entry` {
  @Test func `reads back as it was written`() throws {
    let story = try JournalStory()
    var position = JournalPosition.start
    for sealed in story.entries {
      let again = try SealedEntry(body: sealed.body, hash: sealed.hash, after: position)
      #expect(again == sealed)
      position = again.position
    }
    #expect(story.entries.map(\.entry.opened.count) == [2, 0, 0, 0])
    #expect(story.entries.map(\.entry.accepted.count) == [0, 2, 1, 0])
    #expect(story.entries.map(\.entry.expired.count) == [0, 0, 0, 1])
  }

  @Test func `has the width that its description says`() throws {
    let widths = try JournalStory().entries.map(\.body.count)
    #expect(widths == [96 + 2 * 48, 96 + 2 * 128, 96 + 128, 96 + 16])
    // As in books that are older than changes of accounts.
    #expect(try JournalStory().entries.allSatisfy { $0.body[84..<96].allSatisfy { $0 == 0 } })
  }

  @Test func `is refused where any byte of it differs`() throws {
    let sealed = try #require(JournalStory().entries.first)
    for index in sealed.body.indices {
      var body = sealed.body
      body[index] ^= 0x10
      #expect(throws: JournalMismatch.hashDiffers(entry: 1)) {
        try SealedEntry(body: body, hash: sealed.hash, after: .start)
      }
    }
  }

  @Test func `is refused in another place than its own`() throws {
    let story = try JournalStory()
    let third = story.entries[2]
    #expect(throws: JournalMismatch.chainBroken(entry: 2)) {
      try SealedEntry(body: third.body, hash: third.hash, after: story.entries[0].position)
    }
  }
}

@Suite struct `A journaled book` {
  @Test func `comes to the same from its entries`() throws {
    let story = try JournalStory()
    var again = JournaledBook(Book(key: 9), epoch: 1)
    for sealed in story.entries { try again.replay(sealed) }
    #expect(again.tip == story.journaled.tip)
    #expect(again.book.accountRows == story.journaled.book.accountRows)
    #expect(again.book.openHolds == story.journaled.book.openHolds)
  }

  @Test func `comes to the same from a snapshot and the entries after it`() throws {
    let story = try JournalStory()
    for count in 0...story.entries.count {
      var first = JournaledBook(Book(), epoch: 1)
      for sealed in story.entries.prefix(count) { try first.replay(sealed) }
      let kept = BookSnapshot(of: first.book, at: first.tip)
      let bytes = kept.encoded
      let read = try BookSnapshot(
        encoded: bytes, hash: BookSnapshot.hash(of: bytes), at: first.tip.sequence)
      var second = JournaledBook(
        try read.book(limits: .init(), key: 3), at: read.position, epoch: 1)
      for sealed in story.entries.dropFirst(count) { try second.replay(sealed) }
      #expect(second.book.accountRows == story.journaled.book.accountRows)
      #expect(second.book.sequence == story.journaled.book.sequence)
    }
  }

  @Test func `leaves no trace of what it refused`() throws {
    var story = try JournalStory()
    let refused = story.send([JournalStory.transfer(77, 0)])
    #expect(refused == nil)
  }

  @Test func `refuses entries that it would not have made, and says which`() throws {
    let story = try JournalStory()
    var forged = story.entries[1].entry
    forged.accepted[1].amount += 1
    forged.accepted[1].debit = 7
    let sealed = SealedEntry(forged)
    var book = JournaledBook(Book(), epoch: 1)
    try book.replay(story.entries[0])
    do {
      try book.replay(sealed)
      Issue.record("a forged entry was believed")
    } catch {
      #expect("\(error)".hasPrefix("journal entry 2: transfer"), "\(error)")
    }
  }

  @Test func `refuses an entry of a later writer than itself`() throws {
    let story = try JournalStory(epoch: 2)
    var book = JournaledBook(Book(), epoch: 1)
    #expect(throws: JournalMismatch.epochGoesBack(entry: 1)) { try book.replay(story.entries[0]) }
  }
}

@Suite struct `A change of an account` {
  private let account = AccountID(bits: 2)

  /// Freezing between two transfers of one moment, then thawing.
  private func story() throws -> (JournaledBook, [SealedEntry]) {
    let story = try JournalStory()
    var journaled = story.journaled
    var entries = story.entries
    _ = journaled.begin(at: Instant(seconds: 500))
    _ = journaled.apply([JournalStory.transfer(20, 1)])
    #expect(journaled.change(account, .freeze) == .created)
    #expect(
      journaled.apply([JournalStory.transfer(21, 1)]).outcomes == [.refused(.creditAccountFrozen)])
    #expect(journaled.change(account, .thaw) == .created)
    _ = journaled.apply([JournalStory.transfer(22, 1)])
    #expect(journaled.change(account, .freeze) == .created)
    if let sealed = journaled.seal() { entries.append(sealed) }
    _ = journaled.begin(at: Instant(seconds: 501))
    #expect(journaled.change(account, .thaw) == .created)
    #expect(journaled.change(account, .thaw) == .exists)
    if let sealed = journaled.seal() { entries.append(sealed) }
    return (journaled, entries)
  }

  @Test func `is replayed at its place between the transfers`() throws {
    let (journaled, entries) = try story()
    let changes = entries.suffix(2).map { $0.entry.changed.map { $0.change } }
    #expect(changes == [[.freeze, .thaw, .freeze], [.thaw]])
    #expect(entries[entries.count - 2].body.count == 96 + 3 * 32 + 2 * 128)
    var position = JournalPosition.start
    var again = JournaledBook(Book(key: 7), epoch: 1)
    for sealed in entries {
      let read = try SealedEntry(body: sealed.body, hash: sealed.hash, after: position)
      #expect(read == sealed)
      try again.replay(read)
      position = read.position
    }
    #expect(again.book.accountRows == journaled.book.accountRows)
  }

  @Test func `is not believed at another place, of another account, or by another name`() throws {
    let (_, entries) = try story()
    let last = entries.count - 2
    func complaint(_ spoil: (inout JournalEntry) -> Void) throws -> String {
      var forged = entries[last].entry
      spoil(&forged)
      var book = JournaledBook(Book(), epoch: 1)
      for sealed in entries.prefix(last) { try book.replay(sealed) }
      do {
        try book.replay(SealedEntry(forged))
        return "believed"
      } catch {
        return "\(error)"
      }
    }
    let row = entries[last].entry.changed[0]
    let later = AccountChangeRow(account: row.account, change: row.change, after: row.after + 1)
    let other = AccountChangeRow(account: 99, change: row.change, after: row.after)
    let never = AccountChangeRow(account: row.account, change: .close, after: 0)
    #expect(try complaint { _ in } == "believed")
    for forged in [later, other, never] {
      #expect(try complaint { $0.changed[0] = forged }.contains("account"))
    }
    #expect(try complaint { $0.changed.removeFirst() }.contains("account"))
    var body = entries[last].body
    body[96 + 24] = 9
    #expect(throws: JournalMismatch.malformed(entry: Int64(last + 1))) {
      try SealedEntry(
        body: body, hash: BookSnapshot.hash(of: body), after: entries[last - 1].position)
    }
  }
}

@Suite struct `A filter of ids` {
  @Test func `never denies what it has seen, and seldom claims what it has not`() {
    var filter = IDFilter(bytes: 65_536, key: 5)
    for id in 0..<30_000 { filter.insert(UInt128(id) << 40) }
    #expect((0..<30_000).allSatisfy { filter.mayContain(UInt128($0) << 40) })
    let wrong = (30_000..<60_000).count { filter.mayContain(UInt128($0) << 40) }
    #expect(wrong < 300, "\(wrong) of 30,000")
    // Until it has the past too, nothing is certainly new.
    filter.knowsPast = false
    #expect((30_000..<60_000).allSatisfy { filter.mayContain(UInt128($0) << 40) })
  }
}

/// Two accounts, two transfers, a hold that expires: one entry each.
struct JournalStory {
  private(set) var journaled: JournaledBook
  private(set) var entries: [SealedEntry] = []
  private var now = Instant(seconds: 100)

  init(epoch: Int64 = 1) throws {
    journaled = JournaledBook(Book(), epoch: epoch)
    let eur = try #require(Currency("EUR"))
    _ = journaled.begin(at: now)
    _ = journaled.open(
      [1, 2].map {
        AccountRequest(
          id: AccountID(bits: $0), currency: eur, code: 1, owner: PersonID(bits: $0 << 100),
          flags: $0 == 2 ? .debitsMustNotExceedCredits : [])
      })
    if let sealed = journaled.seal() { entries.append(sealed) }
    send([Self.transfer(10, 500), Self.transfer(11, 20)])
    send([Self.transfer(12, 7, seconds: 5)])
    now = now + .seconds(60)
    send([])
  }

  static func transfer(_ id: UInt128, _ amount: Int64, seconds: UInt32 = 0) -> RequestRow {
    var row = RequestRow()
    row.id = id
    row.debitAccount = 1
    row.creditAccount = 2
    row.amount = amount
    row.currency = 978
    row.code = 1
    row.timeoutSeconds = seconds
    row.paymentID = id << 3
    if seconds > 0 { row.flags = TransferFlags.pending.rawValue }
    return row
  }

  @discardableResult
  mutating func send(_ batch: [RequestRow]) -> SealedEntry? {
    _ = journaled.begin(at: now)
    _ = journaled.apply(batch)
    guard let sealed = journaled.seal() else { return nil }
    entries.append(sealed)
    return sealed
  }
}

@Suite struct `A run of the index` {
  @Test func `is in the order of its keys, whatever they are`() {
    var rows: [TransferRow] = []
    for sealed in (try? JournalStory().entries) ?? [] { rows += sealed.entry.accepted }
    var seed: UInt64 = 11
    let many = (0..<3_000).map { place -> TransferRow in
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      var row = rows[place % rows.count]
      row.id =
        [UInt128(place), UInt128(seed), UInt128(seed) << 64 | 1, .max - UInt128(seed)][place % 4]
      row.debit = UInt32(seed >> 40 & 0xffff)
      return row
    }
    for kind in IndexKind.allCases {
      let entries = IndexRun(kind, of: many, first: 5).entries
      #expect(entries == entries.sorted())
      let chunk = IndexChunk(kind, IndexChunk.encode(entries[...], kind))
      #expect((0..<chunk.count).map { chunk[$0] } == entries)
      for entry in entries.prefix(50) {
        #expect(chunk[chunk.lowerBound(entry.key)].key == entry.key)
      }
    }
  }
}
