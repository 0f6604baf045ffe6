import AuthorityAPI
package import Sealing
import StrictJSON
import Synchronization
import Telemetry
import Tokens
package import Vocabulary

/// This service's sealing keys as they are now: the authority adds versions and retires them while the service runs. A
/// class: all who seal must see a new version at once.
package final class SealingKeys: Sendable {
  /// How long a request may still be on its way that has sealed with a version of before: longer than any deadline.
  package static let handover: Duration = .seconds(180)

  private struct Held {
    var keyring: Keyring
    /// Since when this version seals here; nil since this process began, which has sealed with no other.
    var since: Instant?
  }
  private let held: Mutex<Held>

  package init(_ keyring: Keyring) { held = Mutex(Held(keyring: keyring, since: nil)) }
  package var current: Keyring { held.withLock { $0.keyring } }

  /// Takes over newer versions, and that others were retired. Keys that go back are not taken: they are an old answer.
  /// - Returns: whether there is a newer version to seal with.
  package func replace(with keyring: Keyring, at now: Instant) -> Bool {
    held.withLock { held in
      guard keyring.currentVersion >= held.keyring.currentVersion else { return false }
      guard keyring.currentVersion > held.keyring.currentVersion else {
        // The same keys go on counting their seals.
        if keyring.versions != held.keyring.versions { held.keyring = keyring }
        return false
      }
      held = Held(keyring: keyring, since: now)
      return true
    }
  }

  /// Whether nothing that was sealed under an older version can come into the store any more. Where the clock was set
  /// back it is not known, and counts from anew.
  package func isHandedOver(at now: Instant) -> Bool {
    held.withLock { held in
      guard let since = held.since else { return true }
      if now < since { held.since = now }
      return now >= since + Self.handover
    }
  }
}

/// What a service knows of its own sealed fields.
package struct SealedFields: Sendable {
  /// Versions under which something is sealed just now.
  package let versions: @Sendable () async throws -> Set<UInt32>
  /// Seals fields anew that are under another version than the keyring's current one, a bounded number at a time.
  /// - Returns: how many; zero means that none is left.
  package let reseal: @Sendable (Keyring) async throws -> Int

  package init(
    versions: @escaping @Sendable () async throws -> Set<UInt32>,
    reseal: @escaping @Sendable (Keyring) async throws -> Int
  ) {
    self.versions = versions
    self.reseal = reseal
  }

  /// Fields sealed anew in one transaction: short, so that nobody waits behind it.
  package static let batchMax = 100
  /// Such transactions in one round.
  package static let batchesPerRound = 20

  /// - Parameter batch: seals so many fields anew at the most, in one transaction, and says how many it were.
  package init(
    versions: @escaping @Sendable () async throws -> Set<UInt32>,
    batch: @escaping @Sendable (Keyring, _ limit: Int) async throws -> Int
  ) {
    self.init(versions: versions) { keyring in
      var count = 0
      for _ in 0..<Self.batchesPerRound where !Task.isCancelled {
        let renewed = try await batch(keyring, Self.batchMax)
        count += renewed
        guard renewed == Self.batchMax else { break }
      }
      return count
    }
  }
}

/// What a service seals: the chassis follows the keys for it, and has fields sealed anew. A class: filled while the service is
/// made, read when it stands.
final class SealedStock: Sendable {
  struct Kept: Sendable {
    let fields: SealedFields
    let keys: SealingKeys
  }
  private let kept = Mutex<[Kept]>([])
  func add(_ fields: SealedFields, _ keys: SealingKeys) {
    kept.withLock { $0.append(Kept(fields: fields, keys: keys)) }
  }
  var all: [Kept] { kept.withLock { $0 } }
}

extension ServiceContext {
  /// How long a service waits for the authority to give it its sealing keys at its start.
  package static let sealingKeysMax: Duration = .seconds(15)

  /// This service's own sealing keys, from the authority. They live in memory only. Waits while the authority starts.
  /// - Throws: `StartFailure` when it does not answer in time or the keys are malformed.
  package func sealingKeyring(within limit: Duration = sealingKeysMax) async throws -> Keyring {
    try await keyring(within: limit) {
      try await client(AuthorityOperations.getSealingKeyring.service).call(
        AuthorityOperations.getSealingKeyring, Nothing(), context: background())
    }
  }

  /// The same, and all that belongs to it for as long as the service stands: newer keys are taken over, what lies under older
  /// ones is sealed anew, and the authority hears which are still needed. For the service's `init`.
  /// - Throws: `StartFailure` as above.
  package func seals(_ fields: SealedFields) async throws -> SealingKeys {
    let keys = try await sealingKeys(for: fields)
    sealed.add(fields, keys)
    return keys
  }

  /// The same for a service with fields sealed before: versions that were retired and that its store names, as one from an
  /// old backup does, are asked for again.
  /// - Throws: as above.
  package func sealingKeys(for fields: SealedFields) async throws -> SealingKeys {
    let keyring = try await sealingKeyring()
    let inUse = try await fields.versions()
    guard !inUse.isSubset(of: keyring.versions) else { return SealingKeys(keyring) }
    log.warning("the store holds fields under retired sealing keys; they are asked for again")
    do {
      return SealingKeys(try await report(keyring, inUse, within: Self.sealingKeysMax))
    } catch let problem as Problem {
      // A version that was never made: who opens the field says what is wrong with it.
      log.error("the authority knows no such keys", ["why": .text(problem.title)])
      return SealingKeys(keyring)
    }
  }

  /// One round: newer keys are taken over, a bounded number of fields is sealed anew, and when none is left, and none can
  /// come, the authority hears which versions are still needed. `followSealingKeys` calls it.
  /// - Returns: how many fields were sealed anew.
  /// - Throws: what the store and the authority throw; the next round goes on.
  package func keepSealed(_ fields: SealedFields, under keys: SealingKeys) async throws -> Int {
    _ = keys.replace(with: try await sealingKeyring(), at: clock.now())
    let keyring = keys.current
    // Also without a new key: an earlier round may have been cut short.
    let count = try await fields.reseal(keyring)
    guard count == 0 else {
      log.info("sealed anew under the newest key", ["fields": .count(count)])
      return count
    }
    guard keyring.versions.count > 1, keys.isHandedOver(at: clock.now()) else { return 0 }
    let inUse = try await fields.versions()
    _ = keys.replace(
      with: try await report(keyring, inUse, within: .zero), at: clock.now())
    return 0
  }

  private func report(
    _ keyring: Keyring, _ inUse: Set<UInt32>, within limit: Duration
  ) async throws -> Keyring {
    let word = SealingVersionsInUse(
      current: Int(keyring.currentVersion), inUse: inUse.sorted().map { Int($0) })
    return try await self.keyring(within: limit) {
      try await client(AuthorityOperations.reportSealingVersions.service).call(
        AuthorityOperations.reportSealingVersions, word, context: background())
    }
  }

  /// - Throws: `StartFailure`; `Problem` where the authority refuses what was said.
  private func keyring(
    within limit: Duration, _ ask: () async throws -> SealingKeyring
  ) async throws -> Keyring {
    let end = ContinuousClock.now + limit
    while true {
      do {
        return try keyring(await ask())
      } catch let problem as Problem {
        let isPassing = problem.status == 503 || problem.status == 504
        guard !isPassing else {
          guard ContinuousClock.now < end else {
            throw StartFailure(
              "the authority gives no sealing keys: \(problem.title)",
              hint: "it is busy or starting; this service is started again by itself",
              isPassing: true)
          }
          try await Task.sleep(for: .milliseconds(200))
          continue
        }
        guard problem.status != 409 else { throw problem }
        throw StartFailure(
          "the authority gives no sealing keys: \(problem.title)",
          hint: "the charter must list the secret sealing-keyring and the call getSealingKeyring")
      }
    }
  }

  private func keyring(_ answer: SealingKeyring) throws -> Keyring {
    var keys: [UInt32: [UInt8]] = [:]
    for version in answer.keys {
      guard let number = UInt32(exactly: version.version), let key = Base64URL.decode(version.key)
      else {
        throw StartFailure(
          "the authority's sealing keys are malformed", hint: "see the authority's log")
      }
      keys[number] = key
    }
    guard let current = UInt32(exactly: answer.current) else {
      throw StartFailure(
        "the authority's sealing keys are malformed", hint: "see the authority's log")
    }
    return try Keyring(keys: keys, current: current, randomness: randomness)
  }
}

extension Keyring {
  /// The field under the current version; nil when it is already.
  /// - Throws: `SealingRefusal`, as `open` and `seal` do.
  package func renewed(_ sealed: [UInt8], _ context: SealingContext) throws -> [UInt8]? {
    guard try Keyring.version(of: sealed) != currentVersion else { return nil }
    return try seal(open(sealed, context: context), context: context)
  }
}
