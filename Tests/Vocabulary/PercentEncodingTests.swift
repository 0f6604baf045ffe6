import TestKit
import Testing
import Vocabulary

@Suite struct `Percent-encoding` {
  @Test(arguments: [
    ("", ""), ("a-b_c.d~e", "a-b_c.d~e"), ("a b", "a%20b"), ("100 %", "100%20%25"),
    ("ä/€", "%C3%A4%2F%E2%82%AC"), ("{id}", "%7Bid%7D"),
  ])
  func `leaves unreserved characters and writes the rest as triplets`(text: String, encoded: String)
  {
    #expect(PercentEncoding.encode(text) == encoded)
    #expect(PercentEncoding.decode(encoded.utf8) == text)
  }

  @Test(arguments: [
    "%", "%4", "%+1", "%-1", "%0x", "%g0", "%00", "a%0Ab", "%0d", "%7f", "%80", "%C3", "%ED%A0%80",
    "a b", "ä", "\u{0}",
  ])
  func `refuses what has more than one reading`(text: String) {
    #expect(PercentEncoding.decode(text.utf8) == nil)
  }

  @Test func `reads a plus as the space that forms write`() {
    #expect(PercentEncoding.decode("a+b%2Bc".utf8) == "a b+c")
  }

  @Test func `brings every text back that has no control characters`() {
    let seed = testSeed("percent-encoding")
    let random = Randomness.seeded(seed)
    for _ in 0..<2_000 {
      let text = String(
        String.UnicodeScalarView(
          (0..<random.next() % 20).map { _ in
            Unicode.Scalar(UInt32(0x20 + random.next() % 0x2_0000)) ?? "x"
          }.filter { $0 != "\u{7f}" }))
      #expect(PercentEncoding.decode(PercentEncoding.encode(text).utf8) == text, "seed \(seed)")
    }
  }
}
