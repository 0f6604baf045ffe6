import FoundationEssentials
import Foundation
import Conformance
import PolicyEngine
import TestKit
import Testing

/// SplitMix64: a seed gives one run.
struct Draws: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var word = state
    word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
    word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
    return word ^ (word >> 31)
  }
}

@Suite struct `Bytes from anyone` {
  private static let budget = EvaluationBudget(stepsMax: 20_000, bytesMax: 8 << 20, depthMax: 100)
  private static var rounds: Int {
    ProcessInfo.processInfo.environment["STRONGROOM_FUZZ_ROUNDS"].flatMap(Int.init) ?? 2_000
  }

  /// Compiles and evaluates; what is wrong with the source is an error, and never a crash.
  private func run(_ source: String) {
    let sources = [(file: "fuzz.rego", source: source)]
    guard let policy = try? CompiledPolicy.compile(sources, outside: .onlyReplaced) else { return }
    let input = EvaluationInput(
      input: try? .parse(json: Array(#"{"a":[1,{"b":null}],"x":"é"}"#.utf8)), budget: Self.budget)
    _ = try? policy.evaluate("data = x", input)
  }

  @Test func `as a policy are refused or decide, and never crash or hang`() throws {
    let seed = UInt64.random(in: 0...9_999)
    print("rego fuzz: seed \(seed)")
    var draws = Draws(state: seed)
    let words = [
      "package p\n", "x", "y", " := ", " = ", " if ", "{", "}", "[", "]", "(", ")", "|", "&", "+",
      "-", "*", "/", "%", "==", "!=", "<", ">=", " in ", "some ", "every ", "not ", " with ",
      " as ",
      "input", "data", ".", ",", ":", ";", "\n", "\"a\"", "`r`", "$\"{", "}\"", "1", "0.5", "1e9",
      "null", "true", "set()", " contains ", " else ", "default ", "import ", "_", "count", "walk",
      "sprintf", "regex.match", "#", "\u{0}", "é", "\\",
    ]
    for _ in 0..<Self.rounds {
      let count = Int.random(in: 1...40, using: &draws)
      let text = (0..<count).map { _ in words[Int.random(in: 0..<words.count, using: &draws)] }
      run("package p\n" + text.joined())
      let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &draws) }
      run(String(decoding: bytes, as: UTF8.self))
    }
  }

  @Test func `that look like a policy are refused or decide, and never crash or hang`() throws {
    guard let folder = Testdata.folder("rego/opa-v1") else { return }
    let seed = UInt64.random(in: 0...9_999)
    print("rego mutations: seed \(seed)")
    var draws = Draws(state: seed)
    let sources = try RegoCase.all(in: folder).flatMap(\.modules)
      .filter { $0.utf8.count < 2_000 }
    for _ in 0..<Self.rounds {
      guard let source = sources.randomElement(using: &draws),
        let other = sources.randomElement(using: &draws)
      else { return }
      var bytes = Array(source.utf8)
      for _ in 0..<Int.random(in: 1...6, using: &draws) where !bytes.isEmpty {
        let place = Int.random(in: 0..<bytes.count, using: &draws)
        switch Int.random(in: 0..<4, using: &draws) {
        case 0: bytes[place] = UInt8.random(in: 32...126, using: &draws)
        case 1: bytes.remove(at: place)
        case 2: bytes.insert(contentsOf: Array(other.utf8).suffix(20), at: place)
        default:
          let end = min(place + Int.random(in: 1...30, using: &draws), bytes.count)
          bytes.insert(contentsOf: bytes[place..<end], at: place)
        }
      }
      run(String(decoding: bytes, as: UTF8.self))
    }
  }

  @Test func `nested as deep as can be are refused`() throws {
    for (open, close) in [
      ("[", "]"), ("{", "}"), ("(", ")"), ("{\"a\": ", "}"), ("$\"{", "}\""),
      ("count(", ")"), ("[x | x := ", "]"), ("{1 | ", "}"), ("-", ""), ("not ", ""), ("a[", "]"),
    ] {
      run(
        "package p\nx := " + String(repeating: open, count: 5_000) + "1"
          + String(repeating: close, count: 5_000))
      run(
        "package p\nx := " + String(repeating: open, count: 60) + "1"
          + String(repeating: close, count: 60))
    }
    run("package p\nx := 1" + String(repeating: " + 1", count: 50_000))
    run("package p\nx := input" + String(repeating: ".a", count: 50_000))
    run("package p\nx if { " + String(repeating: "true; ", count: 50_000) + "}")
    run("package p\nx if true" + String(repeating: " else := 1 if false", count: 20_000))
  }

  @Test func `nested deeply are refused or decide on a thread with little stack`() async {
    await withCheckedContinuation { continuation in
      let thread = Thread {
        let budget = EvaluationBudget(stepsMax: 100_000, stackBytesMax: 256 << 10)
        for (open, close) in [
          ("[", "]"), ("{\"a\": ", "}"), ("(", ")"), ("$\"{", "}\""), ("count(", ")"),
          ("[x | x := ", "]"), ("a[", "]"), ("[1 | every x in [1] { ", "}]"),
        ] {
          for count in [10, 20, 40, 5_000] {
            let source =
              "package p\nx := " + String(repeating: open, count: count) + "1"
              + String(repeating: close, count: count)
            let policy = try? CompiledPolicy.compile([("p.rego", source)])
            _ = try? policy?.evaluate("data.p.x = y", EvaluationInput(budget: budget))
            _ = try? PolicyFormat.format(source, file: "p.rego")
          }
        }
        let chain = (1...2_000).map { "a\($0) := a\($0 - 1) + 1" }.joined(separator: "\n")
        let policy = try? CompiledPolicy.compile([("p.rego", "package p\na0 := 1\n" + chain)])
        _ = try? policy?.evaluate("data.p.a2000 = y", EvaluationInput(budget: budget))
        continuation.resume()
      }
      // Debug builds take several times as much stack.
      #if DEBUG
        thread.stackSize = 2 << 20
      #else
        thread.stackSize = 512 << 10
      #endif
      thread.start()
    }
  }

  @Test func `as a pattern are refused or match in linear time`() throws {
    var draws = Draws(state: 11)
    let words = [
      "a", "b", "(", ")", "*", "+", "?", "|", "[", "]", "^", "$", ".", "{2}", "{1,50}",
      "\\d", "\\b", "(?i)", "(?P<n>", "[^a-c]", "\\pL", "-", "[[:alpha:]]", "\\x{41}",
    ]
    let policy = try CompiledPolicy.compile([])
    for _ in 0..<1_000 {
      let count = Int.random(in: 1...12, using: &draws)
      let pattern = (0..<count).map { _ in words[Int.random(in: 0..<words.count, using: &draws)] }
        .joined()
      let query = "x = regex.find_n(`\(pattern)`, `aaaaaaaaaaaaaaaaaaaaaaaaaaaabc A1`, -1)"
      _ = try? policy.evaluate(query, EvaluationInput(budget: Self.budget))
      _ = try? policy.evaluate(
        "x = glob.match(`\(pattern)`, [], `aaaa.bc`)", EvaluationInput(budget: Self.budget))
    }
  }
}
