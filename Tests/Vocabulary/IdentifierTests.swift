import TestKit
import Testing
import Vocabulary

@Suite struct `An identifier` {
  @Test func `has one spelling, in which it comes back`() {
    let seed = testSeed("identifiers")
    let random = Randomness.seeded(seed)
    for bits in [0, 1, .max, 1 << 63, 1 << 64] + (0..<1_000).map({ _ in random.bits128() }) {
      let id = PersonID(bits: bits)
      let plain = String(bits, radix: 16)
      let digits = String(repeating: "0", count: 32 - plain.count) + plain
      #expect(id.description.replacing("-", with: "") == digits, "seed \(seed)")
      #expect(id.description.split(separator: "-").map(\.count) == [8, 4, 4, 4, 12])
      #expect(PersonID(id.description) == id)
      #expect(hexText(id.bytes) == digits && bytes(hex: digits) == id.bytes)
      for count in [1, 4, 16, 17, 31, 32] {
        #expect(hexText(bits, digits: count) == digits.suffix(count))
      }
      guard bits != 0 else { continue }
      #expect(CorrelationID(bits: bits)?.description == digits)
      #expect(CorrelationID(digits)?.bits == bits)
    }
  }

  @Test(arguments: [
    "", "0193501d-7b00-7a3c-9d2e-00000000000", "0193501d-7b00-7a3c-9d2e-0000000000011",
    "0193501D-7b00-7a3c-9d2e-000000000001", "0193501d07b00-7a3c-9d2e-000000000001",
    "0193501d-7b00-7a3c-9d2e-00000000000g", "0193501d-7b00-7a3c-9d2e-0000000000-1",
    "0193501d-7b00-7a3c-9d2e-0000000000é1",
  ])
  func `in another spelling is none`(text: String) {
    #expect(PersonID(text) == nil)
    #expect(CorrelationID(text.replacing("-", with: "") + "x") == nil)
  }
}

@Suite struct `An instant` {
  @Test(arguments: [
    ("1970-01-01T00:00:00.000000Z", 0), ("1969-12-31T23:59:59.999999Z", -1_000),
    ("2026-11-21T07:35:09.000120Z", 1_795_246_509_000_120_000),
    ("2000-02-29T23:59:59.999999Z", 951_868_799_999_999_000),
    ("1677-09-21T00:12:44.000000Z", -9_223_372_036_000_000_000),
    ("1677-09-21T00:12:43.145225Z", .min + 808), ("2262-04-11T23:47:16.854775Z", .max - 807),
  ])
  func `is written with microseconds and read again`(text: String, nanoseconds: Int64) {
    #expect(Instant(nanoseconds: nanoseconds).description == text)
    guard nanoseconds > .min + 1_000_000_000 else { return }
    #expect(Instant(text)?.nanoseconds == nanoseconds)
  }

  @Test(arguments: [
    "2262-04-11T23:47:16.854775808Z", "2262-04-11T23:47:16.999999Z", "9999-12-31T23:59:59Z",
    "1677-09-21T00:12:43Z", "0001-01-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-01-01T24:00:00Z",
  ])
  func `beyond its range, or that no calendar has, is none`(text: String) {
    #expect(Instant(text) == nil)
  }

  @Test(arguments: [
    "2026-11-21T09:35:09+02:00", "2026-11-21t07:35:09z", "2026-11-21T07:35:09.0+00:00",
    "2026-11-21T02:05:09.000000000-05:30", "2026-11-20T23:36:09-07:59", "2026-11-21T07:35:09-00:00",
  ])
  func `is read in any offset of RFC 3339`(text: String) {
    #expect(Instant(text)?.description == "2026-11-21T07:35:09.000000Z")
  }

  @Test(arguments: [
    "2026-11-21T07:35:09", "2026-11-21 07:35:09Z", "2026-11-21T07:35:09+0200",
    "2026-11-21T07:35:09+2:00", "2026-11-21T07:35:09+24:00", "2026-11-21T07:35:09+02:60",
    "2026-11-21T07:35:09 02:00", "2026-11-21T07:35:09.Z", "2026-11-21T07:35:09.+02:00",
    "2026-11-21T07:35:09.0000000001Z", "2026-11-21T07:35:60Z", "2026-11-21T07:35:09Z ",
  ])
  func `in another form is none`(text: String) {
    #expect(Instant(text) == nil)
  }
}
