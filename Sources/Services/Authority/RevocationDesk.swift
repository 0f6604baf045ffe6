import AuthorityAPI
import Chassis
import Charters
import Synchronization
import Transport
import Vocabulary

/// The platform's revocation feed: takes what publishers hand over, gives it out signed, and wakes who waits for news.
/// A class: all requests look at the same standing.
final class RevocationDesk: Sendable {
  /// Longest wait for news, in milliseconds.
  static let waitMillisMax = 2_000
  /// A publisher that was silent for longer is waited for.
  static let silenceMax: Duration = .seconds(2)
  /// Nothing that ends by itself lives longer.
  static let lifetimeMax: Duration = .seconds(86_400)
  /// Which kinds of things a publisher may revoke.
  static let kinds: [ServiceName: Set<RevocationKind>] = [
    "identity": [.token, .family, .session, .client, .person]
  ]
  /// What may be revoked until that is lifted, or as far as it was issued before.
  static let suspendable: Set<RevocationKind> = [.client, .person]

  private struct State {
    /// As of when each publisher has handed over all it had, since this process began.
    var heard: [ServiceName: Instant] = [:]
    var listeners: [UInt64: AsyncStream<Void>.Continuation] = [:]
    var listenerCount: UInt64 = 0
  }
  private let state = Mutex(State())
  private let store: AuthorityStore
  private let signer: RevocationSigner
  private let clock: Clock
  /// The feed is known as of the moment of which the last of them has told.
  private let publishers: [ServiceName]

  init(_ context: ServiceContext, store: AuthorityStore) {
    self.store = store
    clock = context.clock
    signer = RevocationSigner(credentials: context.credentials)
    publishers = context.charters.charters.filter { $0.port != nil }.map(\.service).filter {
      context.charters.mayCall(
        caller: $0, service: context.service, operation: AuthorityOperations.publishRevocations.id)
    }
  }

  func publish(_ call: Call) async throws -> Answer {
    let body = try call.decode(PublishedRevocations.self)
    let now = clock.now()
    try check(body.entries, from: call.caller, at: now)
    let head = try await store.take(body.entries, from: call.caller)
    var isHeardAgain = false
    if let asOf = body.asOf {
      // Only after its entries are kept.
      isHeardAgain = state.withLock { state in
        let before = state.heard.updateValue(min(asOf, now), forKey: call.caller)
        return before.map { now - $0 > Self.silenceMax || $0 > now } ?? true
      }
    }
    // Also where nothing was revoked: who waits may act again only when somebody has told that.
    if !body.entries.isEmpty || isHeardAgain { wake() }
    return try .json(200, RevocationsTaken(head: head))
  }

  func list(_ call: Call) async throws -> Answer {
    let after = Int64(try call.integer("after", in: 0...Int.max, default: 0))
    let wait = try call.integer("wait_ms", in: 0...Self.waitMillisMax, default: 0)
    let (news, key) = listen()
    defer { state.withLock { _ = $0.listeners.removeValue(forKey: key) } }
    var extract = try await store.extract(after: after, asOf: asOf)
    if wait > 0, extract.head == after {
      let now = clock.now()
      await pause(while: now..<now + .milliseconds(wait), or: news, clock)
      extract = try await store.extract(after: after, asOf: asOf)
    }
    var answer = try Answer.json(200, signer.sign(extract, at: clock.now()))
    if let version = try await store.newestSealingVersion(of: call.caller) {
      answer.headers.set(Header.sealingVersion, "\(version)")
    }
    return answer
  }

  /// Has all who wait for news answered now: something else is new for one of them.
  func answerAll() { wake() }

  /// Until cancelled.
  func keepHouse() async throws { try await store.forgetRevocations(at: clock.now()) }

  /// To be asked before the store is: what was handed over by then is in the store.
  private var asOf: Instant {
    let now = clock.now()
    return state.withLock { state in
      publishers.map { min(now, state.heard[$0] ?? Instant(nanoseconds: 0)) }.min() ?? now
    }
  }

  private func check(_ entries: [NewRevocation], from caller: ServiceName, at now: Instant) throws {
    guard entries.count <= PublishedRevocations.entriesMax else {
      throw Problem.malformed("more than \(PublishedRevocations.entriesMax) entries")
    }
    var last: Int64 = 0
    for (place, new) in entries.enumerated() {
      let entry = new.entry
      func fault(_ reason: String) -> Problem {
        Problem.malformed(reason, field: "/entries/\(place)")
      }
      guard entry.number > last else { throw fault("numbers must grow") }
      last = entry.number
      guard Self.kinds[caller]?.contains(entry.kind) == true else { throw Problem.forbidden }
      guard (1...RevocationEntry.idBytesMax).contains(entry.id.utf8.count) else {
        throw fault("an id has 1 to \(RevocationEntry.idBytesMax) bytes")
      }
      let isSuspendable = Self.suspendable.contains(entry.kind)
      guard isSuspendable || entry.issuedBefore == nil && entry.expiresAt != nil,
        entry.expiresAt.map({ $0 <= now + Self.lifetimeMax }) ?? true
      else { throw fault("this kind ends by itself, within a day") }
    }
  }

  private func listen() -> (AsyncStream<Void>, UInt64) {
    let (stream, continuation) = AsyncStream.makeStream(
      of: Void.self, bufferingPolicy: .bufferingNewest(1))
    let key = state.withLock { state in
      state.listenerCount += 1
      state.listeners[state.listenerCount] = continuation
      return state.listenerCount
    }
    return (stream, key)
  }

  private func wake() {
    for listener in state.withLock({ Array($0.listeners.values) }) { listener.yield() }
  }
}
