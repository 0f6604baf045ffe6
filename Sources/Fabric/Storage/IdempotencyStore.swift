package import Sealing
import StrictJSON
import Synchronization
package import Vocabulary

/// An answer as it was given, so that it can be given again.
package struct StoredAnswer: Hashable, Sendable {
  package let status: Int
  /// Names and values in order; only those that belong to the answer, not to the connection.
  package let headers: [[String]]
  package let body: [UInt8]
  package init(status: Int, headers: [[String]], body: [UInt8]) {
    self.status = status
    self.headers = headers
    self.body = body
  }
}

/// The right to work on one key, until `finish` or `abandon`.
package struct IdempotencyClaimID: Hashable, Sendable {
  /// The one that was asked for, or the former one that the key was found in.
  package let scope: String
  package let key: String
  package init(scope: String, key: String) {
    self.scope = scope
    self.key = key
  }
}

/// What a key was first used for, as digests: a request that means the same is the same request, however it is spelled.
package struct RequestPrint: Hashable, Sendable {
  /// Of what the request means. New keys keep this one.
  package let meaning: [UInt8]
  /// Of its target and body byte for byte, as keys were kept before: it finds those again.
  package let spelling: [UInt8]
  package init(meaning: [UInt8], spelling: [UInt8]) {
    self.meaning = meaning
    self.spelling = spelling
  }

  /// Whether a kept digest is of this request.
  func matches(_ kept: [UInt8]) -> Bool {
    let means = constantTimeEqual(kept, meaning)
    return constantTimeEqual(kept, spelling) || means
  }
}

/// Where a key may have been kept before its scope became narrower, and who may take it over from there.
///
/// Only an exact repetition does: whoever sends something else under that key learns nothing of it, for the key is fresh to
/// him. The first who repeats it is its heir, and the key is the heir's from then on; to all others it is as if it had never
/// been there.
package struct FormerScope: Hashable, Sendable {
  package let scope: String
  /// Who asks, by any text that is the same each time.
  package let heir: String
  package init(scope: String, heir: String) {
    self.scope = scope
    self.heir = heir
  }
}

/// A key that was taken for a new one was used before. Nothing of the change is kept that would have claimed it; whoever
/// began asks anew without `claimsLater`, and hears what became of it.
package struct KnownKey: Error {
  package init() {}
}

/// What a key turned out to be.
package enum IdempotencyOutcome: Sendable {
  /// Never seen, or seen and never finished by a process that is gone: do the work.
  case fresh(IdempotencyClaimID)
  /// Done before: give this answer again.
  case replay(StoredAnswer)
  /// Used before for another request; `resource` names what that one made, where it was named, and `status` is how it
  /// was answered, where it was.
  case conflict(firstAt: Instant, resource: String?, status: Int?)
  /// The same request is being worked on right now.
  case inFlight
}

/// Idempotency keys, kept as long as what they made. A class: it knows which keys this process
/// works on, so that a key that a dead process left half done is not locked for ever.
///
/// Where several processes write into the store, it also stands there who works on a key, and until when: whoever else is
/// asked for it says that it is in flight. After that time a process that has not finished is taken for dead.
package final class IdempotencyStore: Sendable {
  /// Longer than any operation may take (`Charter.timeoutMillisMax`).
  package static let workMax: Duration = .seconds(150)

  let store: Store
  /// What this process works on.
  private let live = Mutex<[IdempotencyClaimID: Work]>([:])

  private enum Work: Sendable {
    case written
    /// The claim is written down by its work, in the first change.
    case unwritten(Unwritten)
  }
  private struct Unwritten: Sendable {
    let meaning: [UInt8]
    let begunAt: Instant
    /// Where else the key may stand.
    let former: FormerScope?
    /// Whether the work has come to its first change.
    var isClaimed = false
  }
  /// How answers are sealed: the service's keyring as it is at the moment, and what they are packed with.
  struct Seal: Sendable {
    let keyring: @Sendable () -> Keyring
    let words: [UInt8]
  }
  let seal = Mutex<Seal?>(nil)

  package init(store: Store) { self.store = store }

  /// From now on answers are kept packed and sealed, each for its own key: they say again what a person wrote. Those that
  /// are there are read as they are; see `resealBatch`.
  /// - Parameters:
  ///   - keyring: the service's own, as it is at the moment. Answers of such a service are JSON, or empty.
  ///   - words: what its answers are likely to contain. Kept answers cannot be read without it: it never changes.
  package func seal(packedWith words: [UInt8], by keyring: @escaping @Sendable () -> Keyring) {
    seal.withLock { $0 = Seal(keyring: keyring, words: words) }
  }

  /// Claims a key, durably unless the work does.
  /// - Parameters:
  ///   - scope: who and what for: subject and operation. Keys of different scopes never meet.
  ///   - print: digests of everything in the request that matters.
  ///   - former: where else the key may stand, when it does not stand in `scope`.
  ///   - claimsLater: the work calls `claim` in its first change, before anything can be seen of it. The key is taken for
  ///     a new one until then, so that a request with a new key, as most have, asks and writes nothing for it alone.
  package func begin(
    scope: String, key: IdempotencyKey, print: RequestPrint, former: FormerScope? = nil,
    at now: Instant, claimsLater: Bool = false
  ) async throws -> IdempotencyOutcome {
    let claim = IdempotencyClaimID(scope: scope, key: key.description)
    let isMine = live.withLock { live in
      guard live[claim] == nil else { return false }
      live[claim] = .written
      return true
    }
    do {
      // Where others work too, they must see the claim before the work begins.
      if claimsLater, isMine, store.worker == nil {
        live.withLock {
          $0[claim] = .unwritten(Unwritten(meaning: print.meaning, begunAt: now, former: former))
        }
        return .fresh(claim)
      }
      let begun = try await store.write {
        [worker = store.worker] transaction -> IdempotencyOutcome? in
        if let former, try Self.inherits(claim, print, from: former, in: transaction) {
          return nil
        }
        let outcome = try Self.begin(claim, print, now, isMine: isMine, in: transaction)
        guard case .fresh = outcome, let worker else { return outcome }
        return try transaction.take(claim, for: worker, at: now) ? outcome : .inFlight
      }
      guard let begun else {
        if isMine { release(claim) }
        // From now on it is asked for where it stands.
        return try await begin(
          scope: former?.scope ?? scope, key: key, print: print, at: now)
      }
      let outcome = try opened(begun, of: claim)
      if case .fresh = outcome { return outcome }
      if isMine { release(claim) }
      return outcome
    } catch {
      if isMine { release(claim) }
      throw error
    }
  }

  /// Takes a key over from its former scope, for good.
  private static func inherits(
    _ claim: IdempotencyClaimID, _ print: RequestPrint, from former: FormerScope,
    in transaction: Transaction
  ) throws -> Bool {
    let own = try transaction.row(
      "SELECT 1 AS one FROM idempotency WHERE scope = ? AND key = ?",
      [.text(claim.scope), .text(claim.key)])
    guard own == nil,
      let kept = try transaction.row(
        "SELECT fingerprint, heir FROM idempotency WHERE scope = ? AND key = ?",
        [.text(former.scope), .text(claim.key)])
    else { return false }
    // Who took it over once meets it like any other key: something else under it is a conflict.
    if let heir = try kept.optionalText("heir") { return heir == former.heir }
    guard print.matches(try kept.blob("fingerprint")) else { return false }
    try transaction.execute(
      "UPDATE idempotency SET heir = ? WHERE scope = ? AND key = ? AND heir IS NULL",
      [.text(former.heir), .text(former.scope), .text(claim.key)])
    return true
  }

  /// How a request is answered that says nothing that can be carried out; such an answer is never kept.
  private static let malformed = 400

  private static func row(_ claim: IdempotencyClaimID, in snapshot: Snapshot) throws -> Row? {
    try snapshot.row(
      """
      SELECT fingerprint, begun_at, resource, status, headers, body FROM idempotency
      WHERE scope = ? AND key = ?
      """, [.text(claim.scope), .text(claim.key)])
  }

  private static func begin(
    _ claim: IdempotencyClaimID, _ print: RequestPrint, _ now: Instant, isMine: Bool,
    in transaction: Transaction
  ) throws -> IdempotencyOutcome {
    let known = try row(claim, in: transaction.snapshot)
    let isMalformed = try known?.optionalInteger("status") == Int64(malformed)
    if isMalformed {
      // An older build let a malformed request use up its key. It made nothing, so the key is as new.
      try transaction.execute(
        "DELETE FROM idempotency WHERE scope = ? AND key = ?",
        [.text(claim.scope), .text(claim.key)])
    }
    guard let known, !isMalformed else {
      guard isMine else { return .inFlight }
      try transaction.execute(
        "INSERT INTO idempotency (scope, key, fingerprint, begun_at) VALUES (?, ?, ?, ?)",
        [
          .text(claim.scope), .text(claim.key), .blob(print.meaning), .integer(now.nanoseconds),
        ])
      return .fresh(claim)
    }
    return try outcome(known, claim, print, isMine: isMine)
  }

  /// Of a key that is there.
  private static func outcome(
    _ known: Row, _ claim: IdempotencyClaimID, _ print: RequestPrint, isMine: Bool
  ) throws -> IdempotencyOutcome {
    let status = try known.optionalInteger("status").map { Int($0) }
    guard print.matches(try known.blob("fingerprint")) else {
      return .conflict(
        firstAt: Instant(nanoseconds: try known.integer("begun_at")),
        resource: try known.optionalText("resource"), status: status)
    }
    guard let status else { return isMine ? .fresh(claim) : .inFlight }
    let headers = try known.optionalBlob("headers").map {
      try StrictJSON.decode([[String]].self, from: $0)
    }
    return .replay(
      StoredAnswer(status: status, headers: headers ?? [], body: try known.blob("body")))
  }

  /// Writes a claim down in the first change of its work, and says which resource it is about, so that a conflict can name
  /// it even when no answer is ever kept.
  /// - Throws: `KnownKey` where the key is no new one.
  package func claim(
    _ claim: IdempotencyClaimID, naming resource: String, in transaction: Transaction
  ) throws {
    guard case .unwritten(var unwritten)? = live.withLock({ $0[claim] }) else {
      return try transaction.name(resource, for: claim)
    }
    if let former = unwritten.former,
      try Self.stands(claim.key, in: [former.scope], transaction.snapshot)
    {
      throw KnownKey()
    }
    let isNew = try transaction.execute(
      """
      INSERT INTO idempotency (scope, key, fingerprint, begun_at, resource) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (scope, key) DO NOTHING
      """,
      [
        .text(claim.scope), .text(claim.key), .blob(unwritten.meaning),
        .integer(unwritten.begunAt.nanoseconds), .text(resource),
      ])
    guard isNew == 1 else { throw KnownKey() }
    unwritten.isClaimed = true
    live.withLock { [unwritten] in $0[claim] = .unwritten(unwritten) }
  }

  /// Whether a key that was taken for a new one is none, where its work ended before it came to `claim`.
  package func wasUsed(_ claim: IdempotencyClaimID) async throws -> Bool {
    guard case .unwritten(let unwritten)? = live.withLock({ $0[claim] }), !unwritten.isClaimed
    else { return false }
    let scopes = [claim.scope] + (unwritten.former.map { [$0.scope] } ?? [])
    return try await store.read { try Self.stands(claim.key, in: scopes, $0) }
  }

  private static func stands(
    _ key: String, in scopes: [String], _ snapshot: Snapshot
  ) throws -> Bool {
    try scopes.contains { scope in
      try snapshot.row(
        "SELECT 1 AS one FROM idempotency WHERE scope = ? AND key = ?", [.text(scope), .text(key)]
      ) != nil
    }
  }
}

// MARK: Answers

extension IdempotencyStore {
  /// Keeps the answer for ever and gives the key free for replays.
  package func finish(
    _ claim: IdempotencyClaimID, answer: StoredAnswer, resource: String? = nil
  ) async throws {
    defer { release(claim) }
    let kept = try kept(answer, of: claim)
    try await store.write { try self.write(kept, resource, for: claim, in: $0) }
  }

  /// The same as a part of the change that makes the answer true. The key is free once that is durable and `release` was
  /// called.
  package func finish(
    _ claim: IdempotencyClaimID, answer: StoredAnswer, in transaction: Transaction
  ) throws {
    try write(kept(answer, of: claim), nil, for: claim, in: transaction)
  }

  /// An answer as it is kept.
  private struct Kept: Sendable {
    let status: Int
    let headers: [UInt8]?
    let body: [UInt8]
  }

  private func kept(_ answer: StoredAnswer, of claim: IdempotencyClaimID) throws -> Kept {
    let seal = seal.withLock(\.self)
    let packed = try seal.flatMap { try PackedAnswer.bytes(of: answer, words: $0.words) }
    let body = try seal.map {
      try $0.keyring().seal(packed ?? answer.body, context: Self.context(claim))
    }
    return Kept(
      status: answer.status, headers: packed == nil ? try StrictJSON.encode(answer.headers) : nil,
      body: body ?? answer.body)
  }

  private func write(
    _ kept: Kept, _ resource: String?, for claim: IdempotencyClaimID, in transaction: Transaction
  ) throws {
    if let worker = store.worker { try transaction.leave(claim, by: worker) }
    let answer: [SQLValue] = [
      .count(kept.status), .optional(kept.headers), .blob(kept.body), .optional(resource),
      .text(claim.scope), .text(claim.key),
    ]
    guard case .unwritten(let unwritten)? = live.withLock({ $0[claim] }) else {
      try transaction.execute(
        """
        UPDATE idempotency SET status = ?, headers = ?, body = ?, resource = coalesce(?, resource)
        WHERE scope = ? AND key = ? AND status IS NULL
        """, answer)
      return
    }
    // Its work may have been refused before it wrote anything.
    try transaction.execute(
      """
      INSERT INTO idempotency (status, headers, body, resource, scope, key, fingerprint, begun_at)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (scope, key) DO UPDATE SET status = excluded.status, headers = excluded.headers,
        body = excluded.body, resource = coalesce(excluded.resource, idempotency.resource)
      WHERE idempotency.status IS NULL
      """, answer + [.blob(unwritten.meaning), .integer(unwritten.begunAt.nanoseconds)])
  }

  /// Ends the work without an answer worth keeping (503, 500, deadline): the next one with this key
  /// works again. With `forgetting`, the key is as if never used, for requests that were refused
  /// before they meant anything; one that has named what it made is never forgotten.
  package func abandon(_ claim: IdempotencyClaimID, forgetting: Bool = false) async throws {
    defer { release(claim) }
    guard forgetting || store.worker != nil else { return }
    try await store.write { [worker = store.worker] transaction in
      if let worker { try transaction.leave(claim, by: worker) }
      guard forgetting else { return }
      try transaction.execute(
        """
        DELETE FROM idempotency
        WHERE scope = ? AND key = ? AND status IS NULL AND resource IS NULL
        """,
        [.text(claim.scope), .text(claim.key)])
    }
  }

  /// Ends this process's work on a key.
  package func release(_ claim: IdempotencyClaimID) {
    live.withLock { _ = $0.removeValue(forKey: claim) }
  }
}

extension Transaction {
  /// Says which resource a claimed key is about, in the change that makes it, so that a conflict
  /// can name it even when the answer was never stored.
  package func name(_ resource: String, for claim: IdempotencyClaimID) throws {
    try execute(
      "UPDATE idempotency SET resource = ? WHERE scope = ? AND key = ?",
      [.text(resource), .text(claim.scope), .text(claim.key)])
  }
}
