import FoundationEssentials
import Glibc
import StrictJSON
import Synchronization
import Telemetry
import TestKit
import Testing
import Vocabulary

private let noon = Instant(seconds: 1_795_262_400)

/// Collects the lines of a log as they would be written.
private final class Lines: Sendable {
  private let bytes = Mutex<[UInt8]>([])
  func sink(linesMax: Int = LogSink.linesMax) -> LogSink {
    LogSink(linesMax: linesMax) { more in self.bytes.withLock { $0 += more } }
  }
  var all: [[UInt8]] { bytes.withLock { $0.split(separator: 10).map(Array.init) } }
}

@Suite struct `A log line` {
  @Test func `has the one format, with masked text`() throws {
    let lines = Lines()
    let sink = lines.sink()
    let correlation = try #require(CorrelationID("0af7651916cd43dd8448eb211c80319c"))
    let log = Log(service: "payments", sink: sink, clock: Clock { noon })
      .with(correlation: correlation, subject: "person-1", operation: "createPayment")
    log.info(
      "payment \"settled\"",
      [
        "payment": .id(PaymentID(bits: 7)), "outcome": .outcome("ok"),
        "took": .duration(.milliseconds(3)),
        "why": .text("mail jane.doe@example.org,\nIBAN DE89 3704 0044 0532 0130 00"),
        "rows": .integer(-2),
      ])
    log.debug("never written")
    sink.flush()
    let expected = """
      {"time":"2026-11-21T12:00:00.000000Z","level":"info","service":"payments",\
      "correlation":"0af7651916cd43dd8448eb211c80319c","subject":"person-1",\
      "operation":"createPayment",\
      "outcome":"ok","message":"payment \\"settled\\"","fields":{\
      "payment":"00000000-0000-0000-0000-000000000007","rows":-2,"took_us":3000,\
      "why":"mail [email],\\u000aIBAN [iban]"}}
      """
    #expect(lines.all.map { String(decoding: $0, as: UTF8.self) } == [expected])
    _ = try JSON.parse(lines.all[0])
  }

  @Test func `masks an identifier that is none, wherever it stands`() throws {
    let lines = Lines()
    let sink = lines.sink()
    Log(service: "payments", sink: sink, clock: Clock { noon })
      .with(subject: "jane.doe@example.org", operation: "call +49 30 1234567")
      .error(
        "refused", ["who": .identifier("jane@example.org"), "x": .outcome("4012 8888 8888 1881")])
    sink.flush()
    let text = String(decoding: lines.all.joined(), as: UTF8.self)
    #expect(!text.contains("jane"))
    #expect(!text.contains("1234567"))
    #expect(!text.contains("1881"))
  }

  @Test func `is dropped and counted when the queue is full`() throws {
    let lines = Lines()
    let gate = DispatchGate()
    let sink = LogSink(linesMax: 10) { bytes in
      gate.wait()
      lines.append(bytes)
    }
    let log = Log(service: "payments", sink: sink, clock: Clock { noon })
    log.error("first")
    gate.waitUntilEntered()
    for _ in 0..<11 { log.info("later") }
    #expect(sink.dropped == 1)
    gate.open()
    sink.flush()
    let all = lines.all.map { String(decoding: $0, as: UTF8.self) }
    #expect(all.count == 12)
    #expect(all.last?.contains("\"lines\":1") == true)
  }

  @Test func `goes to a descriptor whole`() throws {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    defer { close(ends[0]) }
    let sink = LogSink(descriptor: ends[1])
    Log(service: "payments", sink: sink, clock: Clock { noon }).info("written")
    sink.flush()
    close(ends[1])
    var buffer = [UInt8](repeating: 0, count: 4_096)
    let count = read(ends[0], &buffer, buffer.count)
    #expect(buffer[..<count].last == 10)
    #expect(try JSON.parse(buffer[..<(count - 1)])["message"]?.string == "written")
  }
}

extension Lines {
  fileprivate func append(_ more: [UInt8]) { bytes.withLock { $0 += more } }
}

/// Holds up the first writer until it is opened.
private final class DispatchGate: Sendable {
  private let state = Mutex((entered: false, isOpen: false))
  func wait() {
    state.withLock { $0.entered = true }
    while !state.withLock({ $0.isOpen }) { usleep(1_000) }
  }
  func waitUntilEntered() { while !state.withLock({ $0.entered }) { usleep(1_000) } }
  func open() { state.withLock { $0.isOpen = true } }
}

@Suite struct `The masking of text` {
  @Test func `replaces what it claims and leaves the rest`() {
    let table: [(String, String)] = [
      ("plain text, 12 items, 404", "plain text, 12 items, 404"),
      ("a@b", "a@b"),
      ("mail: jane+x@mail.example.co.uk.", "mail: [email]."),
      ("GB82WEST12345698765432 ok", "[iban] ok"),
      ("iban DE89 3704 0044 0532 0130 00!", "iban [iban]!"),
      ("card 4012-8888-8888-1881", "card [card]"),
      ("call +49 (30) 1234567 now", "call [phone] now"),
      ("Authorization: Bearer abc.def-ghi_123", "Authorization: Bearer [token]"),
      ("token=eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "token=[token]"),
      ("account 0123456789", "account [number]"),
      ("call 345-555-0199x4587 now", "call [phone] now"),
      ("345-555-0199 ext. 12, then", "[phone], then"),
    ]
    for (text, expected) in table { #expect(Masking.mask(text) == expected) }
  }

  @Test func `leaves no credential, whatever stands around it`() {
    let token = "abc.def-ghi_123"
    let table: [(String, String)] = [
      (#"{"a":"Bearer \#(token)"}"#, #"{"a":"Bearer [token]"}"#),
      ("[Bearer \(token)]", "[Bearer [token]]"), ("(bearer;\(token))", "(bearer;[token])"),
      ("Bearer \"\(token)\"", "Bearer \"[token]\""),
      ("a=Bearer%20\(token)&b=1", "a=Bearer%20[token]&b=1"),
      ("x%20bearer%20\(token)", "x%20bearer%20[token]"),
      ("authorization: Bearer \(token)\nhost: a", "authorization: Bearer [token]\nhost: a"),
      ("cookie: a=b; c=d\nhost: a", "cookie: [secret]\nhost: a"),
      ("GET /x?access_token=s3cr3t&a=1", "GET /x?access_token=[secret]&a=1"),
      ("redirect%3Faccess_token%3Ds3cr3t", "redirect%3Faccess_token%3D[secret]"),
      ("postgresql://u:p4ss@db/x", "postgresql://u:[secret]@db/x"),
      ("https://ghp_0123abcdefghijk@h/x", "https://[secret]@h/x"),
      ("host=db password=p4ss port=1", "host=db password=[secret] port=1"),
      ("Server=a;User=b;Pwd='p 4;s';X=1", "Server=a;User=b;Pwd='[secret]';X=1"),
      (#"{"newPassword": "letmein", "b": 1}"#, #"{"newPassword": "[secret]", "b": 1}"#),
      (#"{\"user_password\":\"p4ss\"}"#, #"{\"user_password\":\"[secret]\"}"#),
      ("k -----BEGIN EC PRIVATE KEY-----\nMHc\n-----END EC PRIVATE KEY----- z", "k [secret] z"),
      ("-----BEGIN PRIVATE KEY-----\nMHc", "[secret]"),
      ("-----BEGIN PUBLIC KEY-----\nMHc", "-----BEGIN PUBLIC KEY-----\nMHc"),
      ("invalid token: expired", "invalid token: expired"),
      ("token_type=Bearer", "token_type=Bearer"),
      ("at https://host/path and 12:30", "at https://host/path and 12:30"),
      ("basic: a word", "basic: a word"),
    ]
    for (text, expected) in table { #expect(Masking.mask(text) == expected) }
  }

  @Test(
    arguments: [
      "password", "user_password", "newPassword", "auth_token", "X-Api-Key", "client-secret",
      "APIKey",
      "refreshToken", "authtoken", "Set-Cookie", "private_key", "userPasswordConfirm", "db.pwd",
    ])
  func `knows the name of a secret by its segments`(_ name: String) {
    #expect(SecretNames.isSecret(name))
  }

  @Test(
    arguments: [
      "tokens_left", "author", "token_type", "public_key", "password_changed_at", "keyboard",
      "pinned",
      "passenger", "tokenizer", "", "key", "cookies_accepted",
    ])
  func `takes no other name for one`(_ name: String) { #expect(!SecretNames.isSecret(name)) }

  @Test func `costs little where there is nothing`() {
    let line = String(repeating: "payment settled, nothing to see. ", count: 30)
    let start = ContinuousClock.now
    for _ in 0..<1_000 { #expect(Masking.mask(line) == line) }
    // A kilobyte of it takes some hundred microseconds in debug at the most.
    #expect(ContinuousClock.now - start < .seconds(8))
  }

  @Test func `cuts at the limit, not one byte sooner, and never through a find`() {
    let at = String(repeating: "x", count: 100)
    #expect(Masking.mask(at, bytesMax: 100) == at)
    #expect(Masking.mask(at + "y", bytesMax: 100) == at + "…")
    let across = String(repeating: "x", count: 94) + " jane@example.org tail"
    #expect(Masking.mask(across, bytesMax: 100) == String(repeating: "x", count: 94) + " [email]…")
  }
}

@Suite struct `Metrics` {
  @Test func `satisfy promtool, and say what was counted`() throws {
    let metrics = MetricsRegistry()
    let requests = metrics.counter(
      "strongroom_requests_total", help: "Requests.", labels: ["operation": "a\"b\\c\nd"])
    requests.add(3)
    let again = metrics.counter(
      "strongroom_requests_total", help: "Requests.", labels: ["operation": "a\"b\\c\nd"])
    again.add()
    metrics.gauge("strongroom_connections", help: "Open connections.").set(-2)
    let histogram = metrics.histogram(
      "strongroom_request_seconds", help: "Time to answer.", labels: ["operation": "x"])
    for millis in [1, 2, 20, 20_000] { histogram.record(.milliseconds(millis)) }
    ProcessMetrics.register(in: metrics, startedAt: noon, log: .standardError)
    let text = metrics.exposition()
    #expect(text.contains("strongroom_requests_total{operation=\"a\\\"b\\\\c\\nd\"} 4\n"))
    #expect(text.contains("strongroom_connections -2\n"))
    #expect(text.contains("strongroom_request_seconds_bucket{operation=\"x\",le=\"0.001\"} 1\n"))
    #expect(text.contains("strongroom_request_seconds_bucket{operation=\"x\",le=\"+Inf\"} 4\n"))
    #expect(text.contains("strongroom_request_seconds_sum{operation=\"x\"} 20.023\n"))
    for name in ["cpu_seconds_total", "resident_memory_bytes", "open_fds", "start_time_seconds"] {
      #expect(!text.contains("process_\(name) NaN"))
      #expect(text.contains("\nprocess_\(name) "))
    }
    try promtool(text)
  }

  private func promtool(_ text: String) throws {
    guard access("/usr/bin/promtool", X_OK) == 0 else {
      print("skipped: no promtool")
      return
    }
    let path = FileManager.default.temporaryDirectory.path + "/metrics-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    #expect(FileManager.default.createFile(atPath: path, contents: Data(text.utf8)))
    #expect(shell("/usr/bin/promtool check metrics < \(path)") == 0)
  }
  private func shell(_ command: String) -> Int32 {
    var child: pid_t = 0
    let words: [String] = ["/bin/sh", "-c", command]
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { arguments.forEach { free($0) } }
    guard posix_spawn(&child, "/bin/sh", nil, nil, &arguments, environ) == 0 else { return -1 }
    var status: Int32 = 0
    waitpid(child, &status, 0)
    return status
  }

  @Test func `estimate quantiles within the bucket`() {
    let metrics = MetricsRegistry()
    let histogram = metrics.histogram("strongroom_a_seconds", help: "A.")
    #expect(histogram.quantile(permille: 500) == nil)
    for _ in 0..<99 { histogram.record(.milliseconds(3)) }
    histogram.record(.seconds(60))
    let median = histogram.quantile(permille: 500)
    #expect(median.map { $0 > .microseconds(2_500) && $0 < .milliseconds(5) } == true)
    #expect(histogram.quantile(permille: 1_000) == .seconds(10))
  }

  @Test func `stop at the limit of series`() {
    let metrics = MetricsRegistry()
    for number in 0...MetricsRegistry.seriesMax {
      metrics.counter("strongroom_many_total", help: "Many.", labels: ["n": "\(number)"]).add()
    }
    let text = metrics.exposition()
    #expect(text.contains("strongroom_metrics_dropped_series 1\n"))
    #expect(text.contains("n=\"\(MetricsRegistry.seriesMax - 1)\""))
    #expect(!text.contains("n=\"\(MetricsRegistry.seriesMax)\""))
  }

  @Test func `lose no count between threads`() async {
    let counter = Counter()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<8 { group.addTask { for _ in 0..<10_000 { counter.add() } } }
    }
    #expect(counter.value == 80_000)
  }
}

@Suite struct `A trace context` {
  @Test func `is parsed strictly`() {
    let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    #expect(TraceContext(traceparent: good)?.traceparent == good)
    #expect(
      TraceContext(traceparent: "00" + good.dropFirst(2).dropLast(2) + "00")?.isSampled == false)
    #expect(
      TraceContext(traceparent: "cc" + good.dropFirst(2) + "-what")?.spanID == 0xb7ad_6b71_6920_3331
    )
    let bad = [
      "", good + "-", good + "-x", good.uppercased(), "ff" + good.dropFirst(2), " " + good,
      "00-00000000000000000000000000000000-b7ad6b7169203331-01",
      "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g", "cc" + good.dropFirst(2) + "what",
      "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", String(good.dropLast()),
    ]
    for text in bad { #expect(TraceContext(traceparent: text) == nil, "\(text)") }
  }

  @Test func `gives its children its trace and wish`() throws {
    let parent = try #require(
      TraceContext(traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"))
    let child = parent.child(randomness: .seeded(1))
    #expect(child.traceID == parent.traceID)
    #expect(child.spanID != parent.spanID)
    #expect(!child.isSampled)
  }
}
