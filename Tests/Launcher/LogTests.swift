import Commands
import Launcher
import StrictJSON
import Testing
import Vocabulary

@Suite struct `A log file` {
  @Test func `is put aside when full, whole lines only, and the oldest goes`() throws {
    let scratch = try Scratch()
    let path = "\(scratch.path)/books.log"
    let log = try LogFile(path, bytesMax: 30)
    for number in 0..<20 { log.append(Array("line \(number + 10)\n".utf8)) }
    let names = WholeFile.names(in: scratch.path)
    #expect(names == ["books.log"] + (1...LogFile.olderMax).map { "books.log.\($0)" })
    for name in names {
      let bytes = try WholeFile.read("\(scratch.path)/\(name)") ?? []
      #expect(bytes.count <= 30 && bytes.last == 0x0a)
    }
    #expect(
      try WholeFile.read(path).map { String(decoding: $0, as: UTF8.self) }?.contains("line 29")
        == true)
    #expect(try Scratch.mode(path) == 0o600)
  }

  @Test func `takes lines at the limit, and cuts beyond it`() {
    var cutter = LineCutter()
    let most = [UInt8](repeating: 0x61, count: LineCutter.lineBytesMax)
    #expect(cutter.take(most).isEmpty)
    #expect(cutter.take([0x62]).count == LineCutter.lineBytesMax + 2)
    #expect(cutter.take(Array("a\nb".utf8)) == Array("a\n".utf8))
    #expect(cutter.finish() == Array("b\n".utf8))
    #expect(cutter.finish().isEmpty)
    #expect(cutter.last.suffix(2) == ["a", "b"])
  }
}

@Suite struct `Merged logs` {
  static let id = "0af7651916cd43dd8448eb211c80319c"
  static func line(_ second: Int, _ text: String, correlation: String? = nil) -> String {
    let correlated = correlation.map { "\"correlation\":\"\($0)\"," } ?? ""
    return
      "{\"time\":\"2026-11-21T08:00:0\(second).000000Z\",\(correlated)\"message\":\"\(text)\"}\n"
  }

  @Test func `are ordered by time, and what is no JSON stays with the line before`() {
    let merge = LogMerge()
    let books = merge.lines(
      of: "books",
      Array((Self.line(1, "a") + "Fatal error: boom\n" + Self.line(4, "d")).utf8))
    let shop = merge.lines(of: "shop", Array((Self.line(2, "b") + Self.line(3, "c")).utf8))
    let texts = LogMerge.ordered(books + shop).map { $0.fields?["message"]?.string ?? $0.text }
    #expect(texts == ["a", "Fatal error: boom", "b", "c", "d"])
  }

  @Test func `hold one transaction when asked to`() {
    let bytes = Array(
      (Self.line(1, "a") + Self.line(2, "b", correlation: Self.id)
        + Self.line(3, "mentions \(Self.id)")).utf8)
    let found = LogMerge(correlation: Self.id).lines(of: "books", bytes)
    #expect(found.map { $0.fields?["message"]?.string } == ["b"])
    #expect(LogMerge(containing: Self.id).lines(of: "books", bytes).count == 2)
  }
}

/// What a program behind a sidecar prints: whatever it likes.
@Suite struct `A hostile line` {
  /// Clears the screen, renames the window; DEL, C1 and a right-to-left override.
  static let steering = "\u{1b}[2J\u{1b}]0;pwned\u{7}\r\u{7f}\u{9b}2J\u{202e}\u{2028}"

  private func lines(_ text: String) -> [StoredLine] {
    LogMerge().lines(of: "greeter.program", Array((text + "\n").utf8))
  }

  private func isHarmless(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy {
      $0.value == 0x09 || ($0.value >= 0x20 && !(0x7f...0x9f).contains($0.value))
    } && !text.contains("\u{202e}") && !text.contains("\u{2028}")
  }

  @Test func `does not reach the terminal, plain or in JSON`() throws {
    let escaped =
      #"{"message":"\u001b[2J\u009b2J\n2026 ledger FAKE LINE","subject":"\u001b]0;x\u0007","#
      + #""operation":"a\u007f","fields":{"k\u001b":"v\r","n":{"\u001b":1}},"level":"error"}"#
    let raw = "{\"message\":\"\u{9b}2J\u{7f}\u{202e}\"}"
    for text in [Self.steering, escaped, raw, "{" + Self.steering] {
      let line = try #require(lines(text).first)
      let told = LegibleLine(line)
      for part in [told.source, told.message, told.rest, told.level ?? "", line.json] {
        #expect(isHarmless(part), "\(part.debugDescription)")
      }
    }
    let told = LegibleLine(try #require(lines(escaped).first))
    #expect(told.message == #"\u{1b}[2J\u{9b}2J\u{a}2026 ledger FAKE LINE"#)
    #expect(LegibleText.of("café\t— 4 €") == "café\t— 4 €")
  }

  @Test(arguments: [
    #"{"service":"ledger","message":"posted"}"#, "2026 ledger FAKE LINE",
    #"{"service":"ledger","service":"greeter.program","message":"posted"}"#,
    #"{"service":["ledger"],"message":"posted"}"#, #"{"message":"posted"}"#,
  ])
  func `is its own log's, whatever it says`(text: String) throws {
    let line = try #require(lines(text).first)
    #expect(LegibleLine(line).source == "greeter.program")
    #expect(try JSON.parse(Array(line.json.utf8))["service"] == .string("greeter.program"))
  }

  @Test func `among honest ones changes nothing of theirs`() throws {
    let text = #"{"service":"ledger","message":"posted — 4 €"}"#
    let line = try #require(LogMerge().lines(of: "ledger", Array((text + "\n").utf8)).first)
    #expect(line.json == text)
  }

  @Test func `is legible among a process's last words, too`() {
    var cutter = LineCutter()
    _ = cutter.take(Array((Self.steering + "\n").utf8))
    #expect(cutter.last.allSatisfy(isHarmless) && cutter.last.count == 1)
  }
}

@Suite struct `A service's figures` {
  static let text = """
    # HELP strongroom_requests_total Requests.
    # TYPE strongroom_requests_total counter
    strongroom_requests_total{operation="createHold",outcome="answered"} 90
    strongroom_requests_total{operation="createHold",outcome="failed"} 10
    strongroom_requests_total{operation="ready",outcome="answered"} 1000
    strongroom_request_duration_seconds_bucket{operation="createHold",le="0.001"} 50
    strongroom_request_duration_seconds_bucket{operation="createHold",le="0.01"} 99
    strongroom_request_duration_seconds_bucket{operation="createHold",le="+Inf"} 100
    strongroom_request_duration_seconds_bucket{operation="metrics",le="0.001"} 5000
    process_resident_memory_bytes 1048576
    process_open_fds NaN
    nonsense
    """

  @Test func `are read without health checks`() {
    let figures = ServiceFigures(exposition: Self.text)
    #expect(figures.requests == 100 && figures.failures == 10)
    #expect(figures.residentBytes == 1_048_576)
    #expect(figures.quantile(0.5) == 0.001)
    #expect(figures.quantile(0.99) == 0.01)
    #expect(figures.quantile(1) == nil)
    #expect(ServiceFigures(exposition: "").quantile(0.5) == nil)
  }
}
