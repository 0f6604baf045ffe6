import Dispatch
import Glibc
import Storage
import Synchronization

/// A store on PostgreSQL. Three things keep two processes from writing:
/// - the lock of a session, which tells others that the owner lives;
/// - the epoch, which every transaction of the owner compares while it holds the row that a take-over must change:
///   whoever was replaced keeps nothing, however long it slept, even when its lock was lost without its knowing;
/// - the server's own clock, which ends the owner's session when it has been silent too long, so that a paused owner
///   does not hold the lock for ever.
///
/// A store with several writers has no owner: each of its transactions is serializable, and is done again where another
/// came between. The epoch tells it when somebody owns the store after all.
///
/// A class: it owns the connections.
final class PostgresEngine: StoreEngine {
  /// The server ends the owner's session after this silence.
  static let silenceSecondsMax = 10
  /// How often the owner says something when it has nothing to say.
  static let pingEvery: Duration = .seconds(2)
  /// How old the owner's last word may be for answers from memory. Less than the server waits: its clock begins later.
  static let ownedMax: Duration = .seconds(8)

  /// How often a transaction is done again that another came between.
  static let attemptsMax = 20

  private struct Shared {
    var machine: OwnershipMachine
    /// When the last question was sent that the server answered.
    var heard: ContinuousClock.Instant
    var tell: @Sendable (StoreEngineEvent) -> Void = { _ in }
    var isClosed = false
  }

  private let place: String
  private let claim: PostgresClaim
  private let readers: PostgresReaders
  private let shared: Mutex<Shared>
  /// Whoever uses the owner's connection does so here.
  private let lane = DispatchQueue(label: "strongroom.postgres.write", qos: .userInitiated)
  private let connection: Mutex<PostgresConnection?>

  /// - Parameter connection: that of the claim.
  init(_ claim: PostgresClaim, _ connection: PostgresConnection, place: String) {
    self.claim = claim
    self.place = place
    self.connection = Mutex(connection)
    readers = PostgresReaders(claim.parameters, max: Store.readersMax)
    shared = Mutex(Shared(machine: OwnershipMachine(epoch: claim.epoch), heard: .now))
    speakLater()
  }

  var worker: String? { claim.worker }

  func follow(_ events: @escaping @Sendable (StoreEngineEvent) -> Void) {
    shared.withLock { $0.tell = events }
  }

  var disowned: StoreError? {
    let (state, heard) = shared.withLock { ($0.machine.state, $0.heard) }
    switch state {
    case .deposed: return .deposed(place: place)
    case .away: return .unreachable(place: place, reason: "the connection was cut")
    case .owning:
      guard ContinuousClock.now - heard >= Self.ownedMax else { return nil }
      return .unreachable(place: place, reason: "it has not answered lately")
    }
  }

  // MARK: writing

  func commit(_ body: (any WriteSession) throws -> Void) throws {
    // Before waiting for the lane: it may be busy with a server that is not there.
    try requireState()
    try lane.sync {
      try requireState()
      for attempt in 1... {
        do {
          return try transact { connection in
            let session = PostgresSession(connection)
            try body(session)
            try session.commit()
          }
        } catch let failure as PostgresFailure
          where claim.worker != nil && failure.isConflict && attempt < Self.attemptsMax
        {
          // Longer each time, and by our own measure, so that the same two do not meet again.
          usleep(UInt32(attempt) * 500 + UInt32(getpid()) % 997)
        }
      }
    }
  }

  private func requireState() throws(StoreError) {
    switch shared.withLock({ $0.machine.state }) {
    case .owning: return
    case .away: throw .unreachable(place: place, reason: "the connection was cut")
    case .deposed: throw .deposed(place: place)
    }
  }

  /// Runs on `lane`.
  private func transact(_ body: (PostgresConnection) throws -> Void) throws {
    guard let own = connection.withLock({ $0 }) else { throw StoreError.closed }
    let begun = ContinuousClock.now
    do {
      let fence = try own.control(claim.begin)
      guard fence.rows == 1 else {
        _ = try? own.control("ROLLBACK")
        act(on: .fenced)
        throw StoreError.deposed(place: place)
      }
      try body(own)
    } catch {
      if own.isLost {
        connection.withLock { $0 = nil }
        act(on: .cut)
      } else {
        _ = try? own.control("ROLLBACK")
      }
      throw error
    }
    shared.withLock { $0.heard = begun }
  }

  private func speakLater() {
    lane.asyncAfter(deadline: .now() + Self.pingEvery / .seconds(1)) { [weak self] in
      guard let self, !shared.withLock({ $0.isClosed }) else { return }
      // A transaction like any other: it also tells whether we were replaced.
      if shared.withLock({ $0.machine.state == .owning }) {
        try? transact { try $0.control("COMMIT") }
        if claim.worker != nil {
          let tell = shared.withLock { $0.tell }
          DispatchQueue.global().async { tell(.changed) }
        }
      }
      speakLater()
    }
  }

  // MARK: owning

  private func act(on event: OwnershipMachine.Event) {
    let (action, tell) = shared.withLock { ($0.machine.handle(event), $0.tell) }
    switch action {
    case .nothing: break
    case .reconnect(let pause):
      lane.asyncAfter(deadline: .now() + pause / .seconds(1)) { [weak self] in self?.reconnect() }
    // Not here: whoever listens may read.
    case .resume: DispatchQueue.global().async { tell(.resumed) }
    case .depose: DispatchQueue.global().async { tell(.deposed) }
    }
  }

  /// Runs on `lane`. The lock is free only when the session before has ended, and with it all that was on its way: what
  /// is read from now on is the truth.
  private func reconnect() {
    guard !shared.withLock({ $0.isClosed }) else { return }
    let begun = ContinuousClock.now
    do {
      let new = try claim.connect()
      let isLocked = try claim.worker != nil || claim.lock(new)
      let epoch = try PostgresClaim.epoch(new)
      guard isLocked || epoch != claim.epoch else { return act(on: .lockHeld) }
      connection.withLock { $0 = new }
      shared.withLock { $0.heard = begun }
      act(on: .returned(epoch: epoch))
    } catch {
      act(on: .unreachable)
    }
  }

  // MARK: reading

  func read<Result>(_ body: (Snapshot) throws -> Result) throws -> Result {
    if let disowned { throw disowned }
    return try readers.read(body)
  }

  func read<Result: Sendable>(
    _ body: @escaping @Sendable (Snapshot) throws -> Result
  ) async throws -> Result {
    if let disowned { throw disowned }
    return try await readers.read(body)
  }

  func translated(_ error: any Error) -> any Error {
    PostgresFailure.translated(error, place: place)
  }

  func syncs() throws -> [Bool] {
    try lane.sync {
      guard let own = connection.withLock({ $0 }) else { throw StoreError.closed }
      let mode = try own.run("SELECT current_setting('synchronous_commit') AS mode").rows.first
      return [PostgresClaim.syncingModes.contains(try mode?.text("mode") ?? "")]
    }
  }

  func close() {
    shared.withLock { $0.isClosed = true }
    // The session ends, and with it the lock: whoever waits may begin.
    lane.sync { connection.withLock { $0 = nil } }
    readers.close()
  }
}
