import Charters
import Synchronization
import Vocabulary

/// Keeps one person, or one client that acts for itself, from using up a service for the others; see `FairLine`. Calls on
/// nobody's behalf pass: between services it is their own shares that hold them. Services call each other in one direction
/// only, so nobody waits here for somebody who waits for him.
struct FairStage: Stage {
  private let service: ServiceContext
  /// Orders, which cost most, are carried out one after the other for each person; a look at something need not wait for
  /// an order whose outcome is still being found out.
  private let orders = Line(ofPersonMax: 1)
  private let others = Line(ofPersonMax: 2)

  init(_ service: ServiceContext) { self.service = service }

  /// A class: all requests stand in the same line.
  private final class Line: Sendable {
    let people: Mutex<FairLine<CheckedContinuation<Bool, Never>>>

    init(ofPersonMax: Int) {
      var limits = FairLine<CheckedContinuation<Bool, Never>>.Limits()
      limits.ofPersonMax = ofPersonMax
      people = Mutex(FairLine(limits: limits))
    }
  }

  func pass(_ passage: Passage, _ next: Next) async throws -> Answer {
    guard let token = passage.transaction, token.holder != nil else {
      return try await next(passage)
    }
    let line = passage.operation?.idempotency == .key ? orders : others
    guard await enter(line, token.subject) else { throw Problem.unavailable() }
    defer { leave(line, token.subject) }
    // Whoever asked may have gone meanwhile: then nothing is begun.
    if let deadline = passage.deadline, deadline.hasPassed(at: service.clock.now()) {
      throw Problem.deadlineExceeded
    }
    return try await next(passage)
  }

  private func enter(_ line: Line, _ person: String) async -> Bool {
    await withCheckedContinuation { continuation in
      let admission = line.people.withLock { $0.arrive(person) { continuation } }
      switch admission {
      case .enters: continuation.resume(returning: true)
      case .isRefused: continuation.resume(returning: false)
      case .waits: break
      }
    }
  }

  private func leave(_ line: Line, _ person: String) {
    for entering in line.people.withLock({ $0.leave(person) }) { entering.resume(returning: true) }
  }
}
