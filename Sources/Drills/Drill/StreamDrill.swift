import Chassis
import Demo
import Launcher
import NIOSSL
import Vocabulary

/// G3 in HTTP/2: frames are cheap to send, so a connection may send only so many that ask for nothing.
package enum StreamDrill {
  package static let drill = Drill(
    name: "streams",
    promise:
      "G3: a connection of HTTP/2 that keeps the door busy and asks for nothing is closed, nobody else feels it, and what is malformed never becomes a request.",
    attacks: [
      rapidReset, brokenStreams, continuations, settings, pings, windowUpdates, priorities,
      unknownFrames, headBomb, unreadAnswers, malformed,
    ])

  /// Connections at a time, and how often each of them is tried again.
  private static let lanes = 8
  private static let rounds = 2
  /// What a bystander may wait at most, on two busy cores.
  private static let bystanderMax: Duration = .milliseconds(500)

  private static let fields = [
    (":method", "GET"), (":scheme", "https"), (":authority", "localhost"), (":path", "/healthz"),
  ]
  private static let zeros = [UInt8](repeating: 0, count: 8)

  private static let rapidReset = flood("rapid-reset", "open streams and reset them at once") {
    times(1_000) { stream(after: $0, fields) + StreamFrame.reset(id($0)) }
  }
  private static let brokenStreams = flood(
    "broken-streams", "break a rule on one stream after the other, so that the door resets them"
  ) { times(1_000) { stream(after: $0, fields + [("te", "gzip")]) } }
  private static let continuations = flood(
    "continuation-flood", "begin a head and go on with it in small frames for ever"
  ) {
    StreamFrame.frame(1, 1, 1, []) + times(5_000) { _ in StreamFrame.frame(9, 0, 1, []) }
  }
  private static let settings = flood("settings-flood", "send SETTINGS that want to be answered") {
    times(2_000) { _ in StreamFrame.setting(4, 65_535) }
  }
  private static let pings = flood("ping-flood", "send PING that want to be answered") {
    times(2_000) { _ in StreamFrame.frame(6, 0, 0, zeros) }
  }
  private static let windowUpdates = flood("window-update-flood", "give room byte by byte") {
    times(5_000) { _ in StreamFrame.windowUpdate(0, 1) }
  }
  private static let priorities = flood("priority-flood", "change priorities for ever") {
    times(5_000) { _ in StreamFrame.frame(2, 0, 1, Array(zeros.prefix(5))) }
  }
  private static let unknownFrames = flood("unknown-frames", "send frames that nobody knows") {
    times(5_000) { _ in StreamFrame.frame(200, 0, 0, zeros) }
  }
  private static let headBomb = flood(
    "head-bomb", "send a head of 16 kB that unpacks to 50 MB (HPACK)"
  ) {
    let entry =
      [0x40] + StreamFrame.string("x") + StreamFrame.string(String(repeating: "y", count: 4_000))
    let named = [UInt8](repeating: 0xbe, count: 12_000)
    return StreamFrame.frame(1, 5, 1, StreamFrame.section(fields) + entry + named)
  }
  private static let unreadAnswers = flood(
    "unread-answers", "ask for many answers and take none of them", within: .seconds(20)
  ) {
    StreamFrame.setting(4, 0)
      + times(60) {
        stream(after: $0, fields.map { ($0, $0 == ":path" ? "/.well-known/api-catalog" : $1) })
      }
  }

  private static func times(_ count: UInt32, _ frame: (UInt32) -> [UInt8]) -> [UInt8] {
    (0..<count).flatMap(frame)
  }
  private static func id(_ number: UInt32) -> UInt32 { 2 * number + 1 }
  private static func stream(after number: UInt32, _ fields: [(String, String)]) -> [UInt8] {
    StreamFrame.headers(id(number), fields)
  }

  private static func flood(
    _ name: String, _ steps: String, within limit: Duration = .seconds(5),
    _ frames: @escaping @Sendable () -> [UInt8]
  ) -> Attack {
    Attack(
      name, steps: "on \(lanes) connections at a time, \(steps), while somebody else asks",
      expectation: "each is told to go and closed; the other is answered within half a second"
    ) { range in
      let token = try await range.tokens(of: 1).accessToken
      // Another address: sharing one with a flood means sharing its limit.
      let line = try range.outside(from: "127.0.0.2")
      let caller = try StreamDrill.caller(range)
      let bytes = StreamFrame.preface + frames()
      async let flooding = floods(caller, bytes, limit)
      var spans: [Duration] = []
      for _ in 0..<10 {
        let began = range.clock.now()
        let answer = try await range.ask("GET", "/v1/me", token: token, through: line)
        spans.append(range.clock.now() - began)
        guard answer.status == 200 else { return .breach("somebody else got \(answer.text)") }
        try await Task.sleep(for: .milliseconds(150))
      }
      let told = await flooding
      let closed = told.filter { ($0.goodbye ?? 0) != 0 }.count
      let slowest = spans.max() ?? .zero
      return .when(
        closed == told.count && slowest < bystanderMax,
        "\(closed) of \(told.count) connections ended; somebody else: \(spans.count) asked, "
          + "slowest \(slowest.nanoseconds / 1_000_000) ms")
    }
  }

  private static func floods(
    _ caller: RawCaller, _ bytes: [UInt8], _ limit: Duration
  ) async -> [FramesSeen] {
    await withTaskGroup(of: [FramesSeen].self) { group in
      for _ in 0..<lanes {
        group.addTask {
          var seen: [FramesSeen] = []
          for _ in 0..<rounds {
            seen.append(FramesSeen(await caller.send([bytes], within: limit)))
          }
          return seen
        }
      }
      return await group.reduce(into: []) { $0 += $1 }
    }
  }

  private static let malformed = Attack(
    "malformed-heads",
    steps: "send heads that would be two requests, or another one, in HTTP/1.1",
    expectation: "each stream is reset, and none is answered"
  ) { range in
    let wrong: [[(String, String)]] = [
      [("x", "a\r\nhost: b")], [("x\r\nhost", "b")], [("x", "a\0b")], [("x", " a")],
      [("transfer-encoding", "chunked")], [("connection", "close")], [("te", "gzip")],
      [("X-Upper", "a")], [(":path", "/v1/me")], [(":authority", "other")],
      [("content-length", "5")],
    ]
    let heads = wrong.enumerated().flatMap {
      StreamFrame.headers(id(UInt32($0.offset)), fields + $0.element)
    }
    let seen = FramesSeen(
      await (try caller(range)).send([StreamFrame.preface + heads], within: .seconds(3)))
    return .when(
      seen.resets == wrong.count && seen.heads == 0,
      "\(seen.resets) of \(wrong.count) streams reset, \(seen.heads) answered")
  }

  private static func caller(_ range: DrillRange) throws -> RawCaller {
    var tls = try RawCaller.tls()
    tls.applicationProtocols = ["h2"]
    return RawCaller(host: "127.0.0.1", port: range.platform.gatewayPort, tls: tls)
  }
}

/// What the door sent on one connection, frame by frame.
private struct FramesSeen: Sendable {
  private(set) var heads = 0
  private(set) var resets = 0
  /// The code of GOAWAY.
  private(set) var goodbye: UInt8?

  init(_ outcome: RawCaller.Outcome) {
    guard case .bytes(let bytes) = outcome else { return }
    var rest = bytes[...]
    while rest.count >= 9 {
      let at = rest.startIndex
      let length = Int(rest[at]) << 16 | Int(rest[at + 1]) << 8 | Int(rest[at + 2])
      guard rest.count >= 9 + length else { return }
      switch rest[at + 3] {
      case 1: heads += 1
      case 3: resets += 1
      case 7: goodbye = rest[at + 16]
      default: break
      }
      rest = rest.dropFirst(9 + length)
    }
  }
}
