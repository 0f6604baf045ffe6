import AuthorityAPI
import Charters
import StrictJSON
import Telemetry
import Transport
import Vocabulary

/// Follows the platform's revocation feed: reads all of it at the start and after any gap, then hears of news as soon as
/// the authority has them.
struct RevocationFollower: Sendable {
  /// How long the authority may keep us waiting for news. Its answer, also without news, says as of when all is known.
  static let waitMax: Duration = .seconds(1)
  /// Pause after a failure.
  static let pause: Duration = .milliseconds(500)
  /// Between two answers: what comes in a crowd comes together.
  static let linger: Duration = .milliseconds(20)
  /// At the start: how often the feed is tried before the service opens without it, and refuses what needs it.
  static let firstTriesMax = 8
  private static let firstPause: Duration = .milliseconds(250)

  private let context: ServiceContext
  private let authority: ServiceClient
  private let verifier: RevocationVerifier
  private let number: Gauge
  private let count: Gauge
  private let effect: Histogram

  init(_ context: ServiceContext) {
    self.context = context
    authority = context.client(AuthorityOperations.listRevocations.service)
    verifier = RevocationVerifier(credentials: context.credentials)
    number = context.metrics.gauge(
      "strongroom_revocations_number", help: "How far the revocation feed has been read.")
    count = context.metrics.gauge(
      "strongroom_revocations_entries", help: "Entries of the revocation feed in force.")
    effect = context.metrics.histogram(
      "strongroom_revocation_effect_seconds",
      help: "Time from a revocation to its effect in this process.")
  }

  /// Reads the feed before anybody may call; gives up quietly, because following goes on.
  func begin() async {
    for _ in 0..<Self.firstTriesMax {
      if (try? await look(waiting: .zero)) != nil { return }
      try? await Task.sleep(for: Self.firstPause)
    }
    context.log.warning(
      "the revocation feed could not be read yet: nobody acts on a token until it is")
  }

  func run() async throws {
    var isSilent = false
    while !Task.isCancelled {
      do {
        try await look(waiting: Self.waitMax)
        isSilent = false
        try await Task.sleep(for: Self.linger)
      } catch is CancellationError {
        return
      } catch {
        if !isSilent {
          context.log.warning(
            "the revocation feed cannot be followed: soon nobody acts on a token",
            ["why": .text("\(error)")])
        }
        isSilent = true
        try await Task.sleep(for: Self.pause)
      }
    }
  }

  private func ask(_ query: [String: String]) async throws -> SignedRevocations {
    let feed = AuthorityOperations.listRevocations
    let answer = try await authority.send(
      feed.id, feed.method, feed.path + QueryFilling.text(query),
      context: context.background(within: .seconds(3)))
    context.sealingNews.hear(answer.headers[Header.sealingVersion])
    return try StrictJSON.decode(SignedRevocations.self, from: answer.body)
  }

  /// All that is new, to the feed's end.
  private func look(waiting: Duration) async throws {
    let point = context.revocations
    var step = RevocationBook.Step.more
    while step == .more {
      let (after, _, wasWhole, _) = point.standing
      let signed = try await ask([
        "after": "\(after)", "wait_ms": "\(wasWhole ? waiting.milliseconds : 0)",
      ])
      let now = context.clock.now()
      let extract = try verifier.verify(signed, at: now)
      step = try point.take(context.platform.lacks(.revocations) ? extract.emptied : extract)
      // What is read at the start was in effect before this process lived.
      if wasWhole, extract.after == after {
        for entry in extract.entries { effect.record(context.clock.now() - entry.at) }
      }
    }
    let standing = point.standing
    number.set(standing.number)
    count.set(Int64(standing.entries))
  }
}

extension RevocationExtract {
  /// Nothing revoked; only in a test build, see `Weakness`.
  fileprivate var emptied: RevocationExtract {
    RevocationExtract(feed: feed, after: after, entries: [], next: head, head: head, asOf: asOf)
  }
}

extension ServiceContext {
  /// Whether this service's charter has it follow the revocation feed, and the authority's lets it. `charter check` and
  /// `Tests/Architecture` see to that where a service acts on tokens.
  package var followsRevocations: Bool {
    let feed = AuthorityOperations.listRevocations
    return charters.mayCall(caller: service, service: feed.service, operation: feed.id)
  }
}

/// On whose behalf something happens must not have been revoked, as far as anybody has heard of it a moment ago.
struct RevocationCheck: AccessCheck {
  /// Without news for longer than this nothing is changed for anybody …
  static let silenceForChangesMax: Duration = .seconds(5)
  /// … and for longer than this nothing is read.
  static let silenceForReadsMax: Duration = .seconds(60)

  private let service: ServiceContext
  private let isFollowing: Bool

  init(_ service: ServiceContext) {
    self.service = service
    isFollowing = service.followsRevocations
  }

  func examine(_ passage: inout Passage) async throws {
    guard isFollowing, let token = passage.transaction, let operation = passage.operation else {
      return
    }
    let limit = operation.method == .get ? Self.silenceForReadsMax : Self.silenceForChangesMax
    guard service.revocations.isKnown(within: limit, at: service.clock.now()) else {
      throw Problem(
        "revocations-unknown", 503, "It is not known just now what has been revoked",
        retryAfterSeconds: 2)
    }
    guard !service.revocations.refuses(token.handles, issuedAt: token.origin.issuedAt) else {
      throw TransactionTokenRefusal.revoked
    }
  }
}
