import Sealing
import Synchronization
import Telemetry
import Vocabulary

/// The newest version of this service's sealing keys that the authority has named, which it does with every answer of the
/// revocation feed. A class: who follows the feed tells who seals.
package final class SealingNews: Sendable {
  private struct State {
    var newest: UInt32 = 0
    var listener: AsyncStream<Void>.Continuation?
  }
  private let state = Mutex(State())

  package init() {}

  package var newest: UInt32 { state.withLock { $0.newest } }

  /// - Parameter version: as it stands in the answer; what is no version is no news.
  package func hear(_ version: String?) {
    guard let version = version.flatMap({ UInt32($0) }) else { return }
    let listener = state.withLock { state -> AsyncStream<Void>.Continuation? in
      guard version > state.newest else { return nil }
      state.newest = version
      return state.listener
    }
    listener?.yield()
  }

  /// Returns after the span, or as soon as a version is named that is newer than this one.
  /// - Throws: `CancellationError`.
  func pause(_ span: Duration, beyond version: UInt32) async throws {
    let (stream, continuation) = AsyncStream.makeStream(
      of: Void.self, bufferingPolicy: .bufferingNewest(1))
    let isThere = state.withLock { state in
      state.listener = continuation
      return state.newest > version
    }
    if isThere { return }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { for await _ in stream { return } }
      group.addTask { try? await Task.sleep(for: span) }
      await group.next()
      group.cancelAll()
    }
    try Task.checkCancellation()
  }
}

extension ServiceContext {
  /// How often a newer sealing key is looked for where none was named.
  package static let sealingPause: Duration = .seconds(30)
  /// How soon it is tried again where one was named and could not be had.
  static let sealingRetryPause: Duration = .seconds(2)

  /// Until cancelled: takes over newer sealing keys, seals anew what lies under older ones, and has those retired. A rotation
  /// is taken up as soon as the revocation feed tells of it, within a second or two. A round that fails is logged, and the
  /// next one tries again.
  /// - Parameter again: how soon it goes on where one round was not enough.
  package func followSealingKeys(
    _ fields: SealedFields, under keys: SealingKeys, again: Duration = .seconds(1)
  ) async throws {
    while !Task.isCancelled {
      let named = sealingNews.newest
      var pause = Self.sealingPause
      do {
        if try await keepSealed(fields, under: keys) > 0 { pause = again }
      } catch is CancellationError {
        return
      } catch {
        log.warning("sealing anew failed; trying again", ["why": .text("\(error)")])
      }
      let known = max(named, keys.current.currentVersion)
      if keys.current.currentVersion < named { pause = min(pause, Self.sealingRetryPause) }
      try await sealingNews.pause(pause, beyond: known)
    }
  }
}
