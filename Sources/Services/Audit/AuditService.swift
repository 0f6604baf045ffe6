import AuditAPI
package import Chassis
import MerkleLog
package import Storage
import StrictJSON
import Synchronization
import Telemetry
import Transport
package import Vocabulary

/// The audit service: appends records, publishes the log, answers with proofs.
package struct AuditService: Service {
  package static let name: ServiceName = "audit"
  package static var migrations: [Migration] { AuditStore.migrations }

  private let context: ServiceContext
  private let store: AuditStore
  private let folder: LogFolder
  private let published: PublishedLog
  private let writer: LogWriter
  private let publisher: CheckpointPublisher
  private let proofs: ProofReader
  /// Whole days that records are kept at least; nil: for ever.
  private let keepDays: Int?

  /// Unseals the key, compares store and log, and covers what a crash left uncovered.
  package init(_ context: ServiceContext) async throws {
    self.context = context
    // A home of an earlier build has it in another place.
    let days = context.settings.chosen("keep_days") ?? context.platform.auditKeepDays ?? 0
    keepDays = days == 0 ? nil : days
    published = PublishedLog()
    do {
      folder = try LogFolder(context.home.dataFolder(of: Self.name) + "/log")
      store = AuditStore(context.store, log: folder.files)
      // The seed of the checkpoint key is sealed under the newest version of our key.
      let sealing = try await context.seals(store.sealedFields)
      let signer = try await CheckpointKey.load(
        origin: "\(context.platform.trustDomain)/\(Self.name)", store: store,
        keyring: sealing.current, randomness: context.randomness,
        now: context.clock.now())
      writer = LogWriter(store: store, folder: folder, signer: signer, published: published)
      try await writer.recover()
      try await writer.publish()
      publisher = CheckpointPublisher(
        writer: writer, published: published, clock: context.clock, log: context.log,
        metrics: context.metrics)
      proofs = ProofReader(
        store: store, files: folder.files, published: published, key: signer.verifierKey)
    } catch let fault as LogFault {
      throw StartFailure(
        "the audit log is not in order. \(fault)",
        hint: "nothing was changed; \(folderHint(context)) must come from one backup")
    }
  }

  package var operations: [String: Handler] {
    [
      AuditOperations.appendRecords.id: appendRecords,
      AuditOperations.findRecords.id: findRecords,
      AuditOperations.getCheckpoint.id: getCheckpoint,
      AuditOperations.getTile.id: getTile,
      AuditOperations.getInclusionProof.id: getInclusionProof,
      AuditOperations.getConsistencyProof.id: getConsistencyProof,
      AuditOperations.getReceipt.id: getReceipt,
    ]
  }

  /// Its own access decisions take the short way into its own log.
  package var auditSink: AuditSink? {
    { records in
      try requireSound()
      let now = context.clock.now()
      _ = try await store.append(records.map { PreparedRecord($0, received: now) }, at: now)
      publisher.notice()
    }
  }

  package func run() async throws {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await publisher.run() }
      group.addTask {
        await comparePast()
        await lookAfterPast()
      }
    }
  }

  /// What neither the start nor a life before has looked at. A disagreement shuts the log: records wait in the outboxes of
  /// their services.
  private func comparePast() async {
    let first = published.statement?.checkpoint.size ?? 0
    while !Task.isCancelled {
      do {
        return try await writer.comparePast()
      } catch let fault as LogFault {
        return tell(fault, since: first)
      } catch {
        context.log.warning(
          "the audit log's past could not be read just now; trying again",
          ["error": .text(String(describing: error))])
        await writer.pause(CheckpointPublisher.pauseAfterFailure)
      }
    }
  }

  private func tell(_ fault: LogFault, since first: UInt64) {
    // Whoever restores a backup must carry over what was taken meanwhile.
    context.log.error(
      "the audit log's past is not in order; no record is taken any more",
      [
        "fault": .text(fault.description), "folder": .identifier(folderHint(context)),
        "taken_since_start_from": .count(first),
      ])
  }

  /// Time between two looks for records whose time is over, and between two at the round that compares the past again.
  private static let expiryInterval: Duration = .seconds(60)
  private static let comparingInterval: Duration = .seconds(1)

  /// Until cancelled: compares all of the past again, round after round, and lets records go whose time is over. One after
  /// the other, for what goes must not be missed by who compares.
  private func lookAfterPast() async {
    let first = published.statement?.checkpoint.size ?? 0
    let sinceExpiry = Mutex(Self.expiryInterval)
    try? await context.rounds(
      of: "the audit log's past could not be looked after; trying again",
      every: Self.comparingInterval
    ) {
      let isDue = sinceExpiry.withLock { span in
        span += Self.comparingInterval
        guard span >= Self.expiryInterval else { return false }
        span = .zero
        return true
      }
      if isDue { try await expirePast() }
      do {
        if let size = try await writer.compareAgain(after: Self.comparingInterval) {
          context.log.info("the audit log's past was compared once more", ["records": .count(size)])
        }
      } catch let fault as LogFault {
        tell(fault, since: first)
      }
    }
  }

  /// Lets records go whose time is over, where the platform says how long they are kept.
  private func expirePast() async throws {
    guard let days = keepDays else { return }
    let now = context.clock.now()
    while !Task.isCancelled,
      let gone = try await writer.expire(before: now - .seconds(86_400 * days))
    {
      try await recordExpiry(of: gone, days: days, at: now)
      await writer.pause(LogWriter.pauseBetweenSteps)
    }
  }

  private func recordExpiry(of gone: Range<UInt64>, days: Int, at now: Instant) async throws {
    guard let correlation = CorrelationID(bits: context.randomness.bits128()) else { return }
    let record = AuditRecord(
      id: AuditRecordID(at: now, random: context.randomness.bits128()), at: now,
      service: Self.name, kind: .platform, correlation: correlation, caller: Self.name,
      operation: "expireRecords", outcome: "expired",
      detail: ["first": "\(gone.lowerBound)", "end": "\(gone.upperBound)", "days": "\(days)"])
    _ = try await store.append([PreparedRecord(record, received: now)], at: now)
    publisher.notice()
  }

  /// False once the past was found altered.
  package var isReady: Bool { get async { !published.isShut } }

  private func requireSound() throws(AuditRefusal) {
    guard !published.isShut else { throw .shut }
  }

  // MARK: - Writing

  @Sendable private func appendRecords(_ call: Call) async throws -> Answer {
    try requireSound()
    // The sender is proven by its certificate, and may speak for itself alone; the time of receipt is our own.
    let batch =
      try CanonicalReader.batch(call.body).map {
        $0.map { PreparedRecord($0, received: call.receivedAt) }
      }
      ?? call.decode(AppendRecords.self).records.map {
        PreparedRecord($0, received: call.receivedAt)
      }
    guard (1...AuditOperations.recordsMax).contains(batch.count) else {
      throw Problem.malformed(
        "1 to \(AuditOperations.recordsMax) records at a time", field: "/records")
    }
    for (position, record) in batch.map(\.record).enumerated() {
      guard record.service == call.caller else { throw AuditRefusal.foreignRecord(position) }
      if let flaw = record.flaw {
        throw Problem.malformed(flaw.text, field: "/records/\(position)/\(flaw.field)")
      }
    }
    let decision = try await store.append(batch, at: call.receivedAt)
    publisher.notice()
    for conflict in decision.conflicts {
      context.log.with(correlation: call.correlation, operation: AuditOperations.appendRecords.id)
        .error(
          "a record came again with other content",
          ["record": .id(conflict.record.id), "caller": .id(call.caller)])
    }
    return try .json(
      200,
      RecordsAppended(
        appended: decision.fresh.count, duplicates: decision.duplicates,
        conflicts: decision.conflicts.map(\.record.id)))
  }
}

// MARK: - Reading

extension AuditService {
  @Sendable private func findRecords(_ call: Call) async throws -> Answer {
    try call.requireOnly(["correlation", "subject", "limit", "after"])
    let limit = try call.integer("limit", in: 1...AuditOperations.recordsMax, default: 100)
    let after = try call.integer("after", in: 0...Int.max, default: -1)
    let found = try await store.find(try filter(call), after: Int64(after), limit: limit)
    let records = try found.map {
      LoggedRecord(
        index: Int64($0.sequence), record: try AuditRecord(entry: $0.bytes))
    }
    let next = found.count == limit ? found.last.map { "\($0.sequence)" } : nil
    return try .json(200, RecordPage(records: records, next: next))
  }

  private func filter(_ call: Call) throws -> AuditStore.Filter {
    switch (call.query["correlation"], call.query["subject"]) {
    case (nil, nil): return .all
    case (let text?, nil):
      guard let correlation = CorrelationID(text) else {
        throw Problem.malformed("expected 32 lower-case hex digits", field: "correlation")
      }
      return .correlation(correlation)
    case (nil, let subject?):
      guard (1...AuditRecord.textBytesMax).contains(subject.utf8.count) else {
        throw Problem.malformed("1 to \(AuditRecord.textBytesMax) bytes", field: "subject")
      }
      return .subject(subject)
    case (_?, _?):
      throw Problem.malformed("ask by correlation or by subject, not both", field: "subject")
    }
  }

  @Sendable private func getCheckpoint(_ call: Call) async throws -> Answer {
    try call.requireOnly([])
    return try .json(200, try proofs.checkpoint())
  }

  @Sendable private func getTile(_ call: Call) async throws -> Answer {
    try call.requireOnly([])
    // Only a path that is the one name of a tile is looked up, so none leads out of the folder.
    guard let rest = call.path["path"], let address = TileAddress(path: "tile/\(rest)"),
      let bytes = folder.files.read(address.path)
    else { throw Problem.notFound }
    return Answer(
      status: 200,
      headers: [
        "content-type": "application/octet-stream",
        "cache-control": "max-age=31536000, immutable",
      ], body: bytes)
  }

  @Sendable private func getInclusionProof(_ call: Call) async throws -> Answer {
    try call.requireOnly(["record", "size"])
    let size = try call.integer("size", in: 1...Int.max, default: 0)
    return try .json(
      200,
      try await proofs.inclusion(of: call.id("record"), size: size == 0 ? nil : UInt64(size)))
  }

  @Sendable private func getConsistencyProof(_ call: Call) async throws -> Answer {
    try call.requireOnly(["first", "second"])
    let first = try call.integer("first", in: 1...Int.max, default: 0)
    let second = try call.integer("second", in: 1...Int.max, default: 0)
    guard first > 0 else { throw Problem.malformed("is missing", field: "first") }
    return try .json(
      200,
      try proofs.consistency(
        first: UInt64(first), second: second == 0 ? nil : UInt64(second)))
  }

  @Sendable private func getReceipt(_ call: Call) async throws -> Answer {
    try call.requireOnly([])
    return try .json(200, try await proofs.receipt(for: call.id("record")))
  }
}

/// Why the audit service says no.
package enum AuditRefusal: Refusal, Hashable {
  /// The record at this place of the batch names another service than the calling workload.
  case foreignRecord(Int)
  /// No checkpoint covers the record yet; one follows at once.
  case notCoveredYet
  /// No checkpoint of that many records was published.
  case beyondCheckpoint(size: UInt64)
  /// The record came into the log after the tree of that size.
  case notInTree(size: UInt64)
  /// Store and files were found to disagree: nothing is added to a log whose past was altered.
  case shut

  package var problem: Problem {
    switch self {
    case .foreignRecord(let position):
      Problem(
        "foreign-record", 403, "A workload may only append its own records",
        fields: ["field": "/records/\(position)/service"])
    case .notCoveredYet:
      Problem("not-covered-yet", 503, "No checkpoint covers this record yet", retryAfterSeconds: 1)
    case .beyondCheckpoint(let size):
      Problem(
        "beyond-checkpoint", 400, "No checkpoint of that many records was published",
        fields: ["published": "\(size)"])
    case .notInTree(let size):
      Problem(
        "not-in-tree", 400, "The record is not among the first ones of that tree",
        fields: ["size": "\(size)"])
    case .shut:
      Problem(
        "log-altered", 503, "The log's past was altered; nothing is added until it is restored")
    }
  }
}

extension Call {
  /// A misspelt query item must not widen an answer, so it is refused.
  fileprivate func requireOnly(_ names: Set<String>) throws(Problem) {
    guard let odd = query.keys.sorted().first(where: { !names.contains($0) }) else { return }
    throw .malformed("there is no such query item", field: odd)
  }
}

private func folderHint(_ context: ServiceContext) -> String {
  context.home.dataFolder(of: AuditService.name)
}
