import AuthorityAPI
import Chassis
import NIOPosix
import Sealing
import StrictJSON
import Synchronization
import Telemetry
import TestKit
import Testing
import Tokens
import Transport
import Vocabulary

/// The authority's sealing keys and its feed, as a test wants them.
private struct KeyKeeper: Service {
  static let name: ServiceName = "authority"
  let keys = Keys()
  private let context: ServiceContext

  init(_ context: ServiceContext) async throws { self.context = context }

  final class Keys: Sendable {
    private let versions = Mutex(1)
    private let asked = Mutex(0)
    var newest: Int { versions.withLock { $0 } }
    /// How often somebody came for the keys themselves.
    var count: Int { asked.withLock { $0 } }
    func rotate() { versions.withLock { $0 += 1 } }
    var keyring: SealingKeyring {
      asked.withLock { $0 += 1 }
      return SealingKeyring(
        current: newest,
        keys: (1...newest).map {
          SealingKeyVersion(
            version: $0, key: Base64URL.encode([UInt8](repeating: UInt8($0), count: 32)))
        })
    }
  }

  var operations: [String: Handler] {
    [
      "getSealingKeyring": { [keys] _ in try .json(200, keys.keyring) },
      "reportSealingVersions": { [keys] _ in try .json(200, keys.keyring) },
      "listRevocations": { [keys, context] call in
        let before = keys.newest
        for _ in 0..<100 where keys.newest == before {
          try await Task.sleep(for: .milliseconds(5))
        }
        let now = context.clock.now()
        let extract = RevocationExtract(
          feed: "test", after: 0, entries: [], next: 0, head: 0, asOf: now)
        var answer = try Answer.json(
          200, RevocationSigner(credentials: context.credentials).sign(extract, at: now))
        answer.headers.set(Header.sealingVersion, "\(keys.newest)")
        return answer
      },
    ]
  }

  static func charters() -> [String: String] {
    var charters = Greeter.charters
    let operations = "getSealingKeyring, reportSealingVersions, listRevocations"
    charters["greeter.yaml"] = charters["greeter.yaml"]?.replacing(
      "calls: []", with: "calls: [{service: authority, operations: [\(operations)]}]"
    ).replacing("secrets: []", with: "secrets: [sealing-keyring]")
    charters["operator.yaml"] = """
      apiVersion: strongroom/v1
      service: operator
      summary: Looks.
      calls: []
      """
    charters["authority.yaml"] = """
      apiVersion: strongroom/v1
      service: authority
      summary: Keeps keys and the feed.
      port: 7005
      operations:
        - {id: getSealingKeyring, method: POST, path: /v1/sealing-keyring, callers: [greeter], idempotency: natural}
        - {id: reportSealingVersions, method: POST, path: /v1/sealing-keyring/uses, callers: [greeter], idempotency: natural}
        - {id: listRevocations, method: GET, path: /v1/revocations, callers: [greeter], query: [after, wait_ms], body_bytes_max: 0}
      calls: []
      egress: []
      data: []
      secrets: []
      limits: {memory_mib: 64, open_files: 256, connections: 64}
      """
    return charters
  }
}

/// Something sealed, as a store would hold it.
private final class Vault: Sendable {
  private let sealed: Mutex<[[UInt8]]>
  private static let context = SealingContext(tenant: "t", table: "s", column: "c", row: "1")
  static let portion = 10

  init(_ count: Int, under keyring: Keyring) throws {
    sealed = Mutex(try (0..<count).map { _ in try keyring.seal([1], context: Self.context) })
  }

  var versions: Set<UInt32> {
    get throws { try Set(sealed.withLock { $0 }.map { try Keyring.version(of: $0) }) }
  }

  var fields: SealedFields {
    SealedFields(
      versions: { try self.versions },
      reseal: { keyring in
        try self.sealed.withLock { sealed in
          var count = 0
          for place in sealed.indices where count < Self.portion {
            guard let renewed = try keyring.renewed(sealed[place], Self.context) else { continue }
            sealed[place] = renewed
            count += 1
          }
          return count
        }
      })
  }
}

@Suite(.serialized) struct `A rotation of sealing keys` {
  @Test func `is taken up by who runs within two seconds, and all is sealed anew`() async throws {
    let started = Mutex<ServiceProcess<KeyKeeper>?>(nil)
    let street = try await Street(charters: KeyKeeper.charters()) { place, authority in
      let clock = Clock.system
      let keeper = try await ServiceProcess.start(
        KeyKeeper.self, home: place.home, group: MultiThreadedEventLoopGroup.singleton,
        log: Log(service: "authority", sink: LogSink { _ in }, clock: clock), clock: clock,
        randomness: .system, credentials: .issued(by: authority))
      started.withLock { $0 = keeper }
    }
    let keeper = try #require(started.withLock { $0 })
    let context = street.process.context
    let keys = SealingKeys(try await context.sealingKeyring())
    let vault = try Vault(35, under: keys.current)
    let following = Task {
      try await context.followSealingKeys(vault.fields, under: keys, again: .milliseconds(10))
    }
    // The first round, which finds nothing to do.
    try await Task.sleep(for: .milliseconds(500))
    let asked = keeper.service.keys.count
    try await Task.sleep(for: .milliseconds(1_500))
    #expect(keeper.service.keys.count == asked, "nobody asks for keys all the time")

    let began = ContinuousClock.now
    keeper.service.keys.rotate()
    while try vault.versions != [2], ContinuousClock.now - began < .seconds(10) {
      try await Task.sleep(for: .milliseconds(20))
    }
    let took = ContinuousClock.now - began
    #expect(keys.current.currentVersion == 2)
    #expect(try vault.versions == [2])
    #expect(took < .seconds(5))
    print("a rotation was taken up, and 35 fields sealed anew, after \(took)")
    following.cancel()
    _ = try? await following.value
    await street.close()
    await keeper.drain()
  }

  @Test func `is no news where the answer names no version, or an older one`() {
    let news = SealingNews()
    for (text, newest) in [
      (nil, 0), ("", 0), ("x", 0), ("-1", 0), ("3", 3), ("2", 3), ("4294967296", 3), ("4", 4),
    ] as [(String?, UInt32)] {
      news.hear(text)
      #expect(news.newest == newest)
    }
  }
}
