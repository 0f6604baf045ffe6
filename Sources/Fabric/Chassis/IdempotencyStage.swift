import Charters
import NIOCore
package import Storage
import Transport
import Vocabulary

/// Same owner, same key, same answer: for ever, also after a crash in mid-flight. Where the charter says `idempotency: key` the
/// header is mandatory; the first final answer is kept and given again, and a request that means something else under the
/// same key is refused, with the name of what the first one made where it made something. What a request means is
/// `RequestMeaning`'s. One that is malformed leaves its key as it was.
///
/// A crash between the effect and the kept answer is harmless because a handler derives the id of what it makes from the
/// claim: carried out again, it finds its own work and goes on.
struct IdempotencyStage: Stage {
  private let service: ServiceContext
  private let claimsLater: Set<String>
  private let turns = Turns()

  /// - Parameter claimsLater: operations whose handlers write their claim down in their first change.
  init(_ service: ServiceContext, claimsLater: Set<String>) {
    self.service = service
    self.claimsLater = claimsLater
  }

  func pass(_ passage: Passage, _ next: Next) async throws -> Answer {
    guard let operation = passage.operation, operation.idempotency == .key else {
      return try await next(passage)
    }
    // What is only tried makes nothing that must not be made twice, and must not use up the key of what will be made.
    guard !passage.isDryRun else { return try await next(passage) }
    guard let text = key(of: passage) else {
      throw Problem(
        "idempotency-key-required", 400, "This operation needs the header Idempotency-Key",
        detail:
          "any text unique to the intent, for example a UUID; send the same one when you try again")
    }
    guard let key = IdempotencyKey(text) else {
      throw Problem.malformed("1–255 visible ASCII characters", field: "Idempotency-Key")
    }
    var known = passage
    let claim = IdempotencyClaim(
      key: key, transaction: passage.transaction, caller: passage.caller, operation: operation.id,
      print: RequestMeaning.print(
        target: passage.request.target, body: Array(passage.request.body.readableBytesView),
        // A program of somebody else's may tell null from nothing.
        isNullAbsent: service.charter.program == nil))
    known.idempotency = claim
    // One at a time for one key: fifty presses of "send" form a queue, and forty-nine of them find the answer.
    let claimed = known
    return try await turns.take(claim.owner + "\u{0}" + claim.operation + "\u{0}" + key.description)
    {
      try await once(claimed, claim, next)
    }
  }

  private func key(of passage: Passage) -> String? {
    guard !service.platform.lacks(.idempotency) else {
      return hexText(service.randomness.bytes(16))
    }
    return passage.request.headers[Header.idempotencyKey]
  }

  private func once(_ passage: Passage, _ claim: IdempotencyClaim, _ next: Next) async throws
    -> Answer
  {
    do {
      return try await once(
        passage, claim, claimsLater: claimsLater.contains(claim.operation), next)
    } catch is KnownKey {
      // It was taken for a new key, and is none. Nothing was done; now it is looked up first.
      return try await once(passage, claim, claimsLater: false, next)
    }
  }

  private func once(
    _ passage: Passage, _ claim: IdempotencyClaim, claimsLater: Bool, _ next: Next
  ) async throws -> Answer {
    let begun = try await service.idempotency.begin(
      scope: claim.scope, key: claim.key, print: claim.print,
      former: claim.former.map { FormerScope(scope: $0.scope, heir: claim.owner) },
      at: passage.receivedAt, claimsLater: claimsLater)
    switch begun {
    case .replay(let kept):
      var answer = Answer(
        status: kept.status,
        headers: Headers(kept.headers.compactMap { $0.count == 2 ? ($0[0], $0[1]) : nil }),
        body: kept.body)
      answer.headers.set(Header.idempotentReplayed, "true")
      return answer
    case .conflict(let firstAt, let resource, let status):
      // What was answered with success exists, under the id that follows from the claim.
      let made = status.map { (200..<300).contains($0) } ?? false
      var fields = ["first_at": "\(firstAt)"]
      fields["first"] = resource ?? (made ? claim.resource(PaymentID.self).description : nil)
      throw Problem(
        "idempotency-key-reused", 409, "This key was first used for another request",
        kind: .differs,
        fields: fields)
    case .inFlight: throw Problem.outcomeUnknown
    case .fresh(let claimID):
      var passage = passage
      // Begun under the old scope and never finished: it goes on making what it began to make.
      if let former = claim.former, claimID.scope == former.scope { passage.idempotency = former }
      return try await work(passage, claimID, next)
    }
  }

  /// Keeps the answer where it is final; otherwise the next request with this key works again.
  private func work(
    _ passage: Passage, _ claim: IdempotencyClaimID, _ next: Next
  ) async throws -> Answer {
    let worked: Result<Answer, any Error>
    do { worked = .success(try await next(passage)) } catch { worked = .failure(error) }
    do {
      if try await isKnown(claim, worked) { throw KnownKey() }
      let answer = try worked.get()
      if answer.isKept {
        service.idempotency.release(claim)
      } else if answer.status < 500, answer.status != 202, answer.status != Problem.malformedStatus
      {
        try await keep(answer, claim)
      } else {
        try await service.idempotency.abandon(
          claim, forgetting: answer.status == Problem.malformedStatus)
      }
      return answer
    } catch let known as KnownKey {
      service.idempotency.release(claim)
      throw known
    } catch let refusal as any Refusal where refusal.problem.isFinal {
      try await keep(.problem(refusal.problem, correlation: passage.correlation), claim)
      throw refusal
    } catch {
      let problem = (error as? any Refusal)?.problem
      try await service.idempotency.abandon(
        claim, forgetting: problem?.status == Problem.malformedStatus)
      throw error
    }
  }

  /// What was used before is answered as it was, or is a conflict, also where this request is refused before it claims it.
  private func isKnown(
    _ claim: IdempotencyClaimID, _ worked: Result<Answer, any Error>
  ) async throws -> Bool {
    if case .failure(is KnownKey) = worked { return true }
    return try await service.idempotency.wasUsed(claim)
  }

  private func keep(_ answer: Answer, _ claim: IdempotencyClaimID) async throws {
    try await service.idempotency.finish(claim, answer: StoredAnswer(answer))
  }
}

extension StoredAnswer {
  package init(_ answer: Answer) {
    self.init(
      status: answer.status, headers: answer.headers.fields.map { [$0.name, $0.value] },
      body: answer.body)
  }
}

extension Problem {
  /// Of a request that says nothing that can be carried out. It made nothing, so its key may be used for one that does.
  static let malformedStatus = 400
  /// Whether the domain has spoken: trying again with the same key can bring no other answer.
  var isFinal: Bool {
    (400..<500).contains(status)
      && ![Self.malformedStatus, 401, 408, 425, 429].contains(status)
  }
}

/// Lets one pass at a time for each key, in the order of arrival.
private actor Turns {
  private var waiting: [String: [CheckedContinuation<Void, Never>]] = [:]
  /// Requests that may wait for one key.
  static let waitingMax = 1_000

  func take<Result: Sendable>(
    _ key: String, _ body: @Sendable () async throws -> Result
  ) async throws -> Result {
    if waiting[key] == nil {
      waiting[key] = []
    } else {
      guard waiting[key, default: []].count < Self.waitingMax else { throw Problem.unavailable() }
      await withCheckedContinuation { waiting[key, default: []].append($0) }
    }
    defer { pass(on: key) }
    return try await body()
  }

  private func pass(on key: String) {
    guard var line = waiting[key], !line.isEmpty else {
      waiting[key] = nil
      return
    }
    let next = line.removeFirst()
    waiting[key] = line
    next.resume()
  }
}
