import StrictJSON
import TestKit
import Testing
import Vocabulary

@Suite struct `A JSON text` {
  @Test(
    arguments: [
      ("", 0, ""), ("   ", 3, ""), ("\u{feff}{}", 0, ""), ("{} {}", 3, ""), ("[1,]", 3, "/1"),
      (#"{"a":1,}"#, 7, "/a"), (#"{"a" 1}"#, 5, "/a"), (#"{"a":[1 2]}"#, 8, "/a/0"),
      (#"{"a":1,"b":{"c":1,"c":2}}"#, 19, "/b/c"), (#"{"a":1,"\u0061":2}"#, 8, "/a"),
      (#"{"é":1,"e\#u{301}":2}"#, 9, "/e\u{301}"),
      (#"["\ud800"]"#, 2, "/0"), (#"["\udc00"]"#, 2, "/0"), (#"["\ud800\ud800"]"#, 2, "/0"),
      (#"["\x"]"#, 2, "/0"), (#"["\u12g4"]"#, 2, "/0"), ("[\"a\u{1}\"]", 3, "/0"),
      ("01", 1, ""), ("-", 1, ""), ("1.", 2, ""), ("1e", 2, ""), ("+1", 0, ""), (".5", 0, ""),
      ("1e400", 0, ""), ("NaN", 0, ""), ("nul", 0, ""), ("truex", 4, ""), ("[", 1, ""),
      ("\"abc", 4, ""), ("'a'", 0, ""), ("[1]x", 3, ""), ("{\"a\":1 // no\n}", 7, "/a"),
    ] as [(String, Int, String)])
  func `that is malformed is refused with its place`(
    _ text: String, _ offset: Int, _ pointer: String
  ) {
    let error = #expect(throws: JSONError.self) { try JSON.parse(Array(text.utf8)) }
    #expect(error?.offset == offset)
    #expect(error?.pointer == pointer)
  }

  @Test(
    arguments: [
      [0x22, 0x80, 0x22], [0x22, 0xc0, 0x80, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22],
      [0x22, 0xf4, 0x90, 0x80, 0x80, 0x22], [0x22, 0xf0, 0x80, 0x80, 0x80, 0x22],
      [0x22, 0xe2, 0x82], [0x22, 0xe2, 0x82, 0x22], [0x22, 0xf5, 0x80, 0x80, 0x80, 0x22], [0xff],
    ] as [[UInt8]])
  func `that is not UTF-8 is refused`(_ bytes: [UInt8]) {
    #expect(throws: JSONError.self) { try JSON.parse(bytes) }
  }

  @Test func `keeps integers of 64 bits exact and others as doubles`() throws {
    let text = "[9223372036854775807,-9223372036854775808,9223372036854775808,1.0,-0,-0.0,1e2]"
    #expect(
      try JSON.parse(Array(text.utf8))
        == .array([
          .integer(.max), .integer(.min), .number(9_223_372_036_854_775_808), .number(1),
          .integer(0), .number(-0.0), .number(100),
        ]))
  }

  @Test func `is held to its limits`() throws {
    func nested(_ depth: Int) -> [UInt8] {
      Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
    }
    func parses(_ bytes: [UInt8], _ limits: JSONLimits = .standard) -> Bool {
      (try? JSON.parse(bytes, limits: limits)) != nil
    }
    #expect(parses(nested(32)) && !parses(nested(33)))
    #expect(!parses(nested(100_000)))
    let ten = JSONLimits(bytesMax: 10, valuesMax: 4)
    #expect(parses(Array("[123456789".utf8) + [], JSONLimits(bytesMax: 10)) == false)
    #expect(parses(Array("[12345678]".utf8), ten) && !parses(Array("[123456789]".utf8), ten))
    #expect(parses(Array("[1,2,3]".utf8), ten) && !parses(Array("[1,2,3,4]".utf8), ten))
    #expect(parses(Array(#"{"a":1}"#.utf8), JSONLimits(valuesMax: 3)))
    #expect(!parses(Array(#"{"a":1}"#.utf8), JSONLimits(valuesMax: 2)))
    let digits = JSONLimits.numberBytesMax
    #expect(parses(Array("0.".utf8) + Array(repeating: 49, count: digits - 2)))
    #expect(!parses(Array("0.".utf8) + Array(repeating: 49, count: digits - 1)))
    let standard = JSONLimits.standard.bytesMax
    #expect(parses([34] + Array(repeating: 97, count: standard - 2) + [34]))
    #expect(!parses([34] + Array(repeating: 97, count: standard - 1) + [34]))
  }

  @Test func `never makes an error quote more than a short pointer`() {
    let key = String(repeating: "é", count: 1_000)
    let error = #expect(throws: JSONError.self) { try JSON.parse(Array("{\"\(key)\":?}".utf8)) }
    #expect((error?.pointer.utf8.count ?? 0) <= JSONLimits.pointerBytesMax + 3)
  }

  @Test func `with two thousand members finds the one that repeats`() {
    let members = (0..<2_000).map { "\"k\($0)\":0" }.joined(separator: ",")
    #expect(throws: Never.self) { try JSON.parse(Array("{\(members)}".utf8)) }
    let error = #expect(throws: JSONError.self) {
      try JSON.parse(Array("{\(members),\"k77\":0}".utf8))
    }
    #expect(error?.pointer == "/k77")
  }

  @Test func `answers JSON Pointers`() throws {
    // The examples of RFC 6901 §5.
    let text = #"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"m~n":8," ":7}"#
    let json = try JSON.parse(Array(text.utf8))
    let expected: [(String, JSON?)] = [
      ("", json), ("/foo", ["bar", "baz"]), ("/foo/0", "bar"), ("/", 0), ("/a~1b", 1),
      ("/c%d", 2), ("/e^f", 3), ("/m~0n", 8), ("/ ", 7), ("/foo/2", nil), ("/foo/01", nil),
      ("/foo/-", nil), ("foo", nil), ("/m~n", nil), ("/foo/0/x", nil),
    ]
    for (pointer, value) in expected { #expect(json.value(at: pointer) == value, "\(pointer)") }
  }
}

@Suite struct `A canonical text` {
  // RFC 8785 appendix B, and the edges of ECMAScript's layouts.
  @Test(
    arguments: [
      (0x0000_0000_0000_0000, "0"), (0x8000_0000_0000_0000, "0"), (0x0000_0000_0000_0001, "5e-324"),
      (0x8000_0000_0000_0001, "-5e-324"), (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
      (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
      (0x4340_0000_0000_0000, "9007199254740992"),
      (0xc340_0000_0000_0000, "-9007199254740992"),
      (0x4430_0000_0000_0000, "295147905179352830000"),
      (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"), (0x44b5_2d02_c7e1_4af6, "1e+23"),
      (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
      (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
      (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"), (0x444b_1ae4_d6e2_ef50, "1e+21"),
      (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"), (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
      (0x41b3_de43_5555_5553, "333333333.3333332"), (0x41b3_de43_5555_5554, "333333333.33333325"),
      (0x41b3_de43_5555_5555, "333333333.3333333"), (0x41b3_de43_5555_5556, "333333333.3333334"),
      (0x41b3_de43_5555_5557, "333333333.33333343"),
      (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
      (0x4314_3ff3_c1cb_0959, "1424953923781206.2"), (0x3ff0_0000_0000_0000, "1"),
      (0x4024_0000_0000_0000, "10"), (0x3fb9_9999_9999_999a, "0.1"), (0x4059_0000_0000_0000, "100"),
      (0x3fe0_0000_0000_0000, "0.5"), (0x4029_0000_0000_0000, "12.5"),
    ] as [(UInt64, String)])
  func `writes numbers as ECMAScript does`(_ bits: UInt64, _ text: String) {
    let bytes = JSON.number(Double(bitPattern: bits)).canonicalBytes
    #expect(String(decoding: bytes, as: UTF8.self) == text)
  }

  @Test func `keeps every digit of a 64-bit integer`() {
    for value in [Int64.max, .min, 0, -1, 9_007_199_254_740_993] {
      #expect(String(decoding: JSON.integer(value).canonicalBytes, as: UTF8.self) == "\(value)")
    }
  }

  @Test func `sorts names by UTF-16 units`() {
    // U+1F602 is D83D DE02 in UTF-16, before U+FB33; in UTF-8 and by scalar it would come after.
    let json: JSON = ["\u{fb33}": 1, "\u{1f602}": 2, "b": 3, "a": 4, "": 5, "aa": 6, "é": 7]
    #expect(
      String(decoding: json.canonicalBytes, as: UTF8.self)
        == "{\"\":5,\"a\":4,\"aa\":6,\"b\":3,\"é\":7,\"\u{1f602}\":2,\"\u{fb33}\":1}")
  }

  @Test func `of any value reads back as that value`() throws {
    let seed = testSeed("JSON round trip")
    let random = Randomness.seeded(seed)
    for round in 0..<2_000 {
      let json = arbitraryJSON(random, depth: 5)
      let bytes = json.canonicalBytes
      let again = try JSON.parse(bytes)
      #expect(again == json, "seed \(seed), round \(round)")
      #expect(again.canonicalBytes == bytes, "seed \(seed), round \(round)")
      #expect(try StrictJSON.encode(json) == bytes)
      #expect(try StrictJSON.decode(JSON.self, from: bytes) == json)
    }
  }

  @Test func `cut or changed by one byte never crashes the parser`() {
    let seed = testSeed("JSON mutation")
    let random = Randomness.seeded(seed)
    for _ in 0..<2_000 {
      var bytes = arbitraryJSON(random, depth: 4).canonicalBytes
      let position = Int(random.next() % UInt64(bytes.count))
      if random.next() % 2 == 0 {
        bytes[position] = UInt8(truncatingIfNeeded: random.next())
      } else {
        bytes.removeSubrange(position...)
      }
      if let json = try? JSON.parse(bytes) {
        // Compared as texts: 5.0 is another value than 5, but the same number.
        let again = try? JSON.parse(json.canonicalBytes)
        #expect(again?.canonicalBytes == json.canonicalBytes, "seed \(seed)")
      }
    }
  }
}

private func arbitraryJSON(_ random: Randomness, depth: Int) -> JSON {
  let length = Int(random.next() % 5)
  switch random.next() % (depth == 0 ? 5 : 7) {
  case 0: return .null
  case 1: return .bool(random.next() % 2 == 0)
  case 2: return .integer(Int64(bitPattern: random.next() >> (random.next() % 64)))
  case 3:
    // A double that is a whole number is written like an integer and so reads back as one.
    let value = Double(bitPattern: random.next())
    return value.isFinite && value != value.rounded() ? .number(value) : .number(0.5)
  case 4: return .string(arbitraryText(random))
  case 5: return .array((0..<length).map { _ in arbitraryJSON(random, depth: depth - 1) })
  default:
    var members: [String: JSON] = [:]
    for _ in 0..<length { members[arbitraryText(random)] = arbitraryJSON(random, depth: depth - 1) }
    return .object(members)
  }
}

private func arbitraryText(_ random: Randomness) -> String {
  var text = ""
  for _ in 0..<random.next() % 6 {
    let ranges: [UInt64] = [0x20, 0x80, 0x800, 0x1_0000, 0x11_0000]
    let range = ranges[Int(random.next() % UInt64(ranges.count))]
    if let scalar = Unicode.Scalar(UInt32(random.next() % range)) {
      text.unicodeScalars.append(scalar)
    }
  }
  return text
}
