import Patterns
import Testing

@Suite struct `A pattern` {
  @Test(arguments: [
    ("^[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}$", "DE89370400440532013000", true),
    ("^[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}$", "DE8937040044053201300!", false),
    ("b+c", "aabbbc", true), ("^b", "ab", false), ("^$", "", true), ("", "x", true),
    ("^a|b$", "cb", true), ("^(a|bc)*d$", "abcbcad", true), ("^a{2,3}$", "aaaa", false),
    ("^a{2,}$", "aaaa", true), ("\\bcat\\b", "a cat.", true), ("\\bcat\\b", "concat", false),
    ("^.$", "\u{2028}", false), ("^.$", "🐲", true), ("^[^a]$", "🐲", true), ("[]", "a", false),
    ("^[^]$", "\n", true), ("^\\u{1F432}$", "🐲", true), ("^\\ud83d\\udc32$", "🐲", true),
    ("^\\p{Lu}\\P{Lu}$", "Éé", true), ("^\\s$", "\u{feff}", true), ("^\\d$", "٣", false),
    ("^[\\w\\-]+$", "a-b_1", true), ("^\\cJ$", "\n", true), ("^(?<year>\\d{4})$", "2026", true),
    ("^a.*?z$", "abcz", true), ("^(a*)*$", "aaab", false), ("^{$", "{", true), ("^]$", "]", true),
  ])
  func `matches as ECMA-262 says`(source: String, text: String, isMatch: Bool) throws {
    #expect(try ECMAPattern(source).matches(text) == isMatch)
  }

  @Test(arguments: [
    "(", ")", "[a", "a**", "*a", "a{3,2}", "\\", "\\q", "(?P<n>a)", "(?i)a", "(?#c)a", "[z-a]",
    "\\p{Nowhere}", "\\u{110000}", "(?<a>x)(?<a>y)", "^*", "\\c1", "\\01",
  ])
  func `is none`(source: String) {
    #expect(throws: PatternFault.self) { try ECMAPattern(source) }
    #expect(!ECMAPattern.isValid(source))
  }

  @Test(arguments: ["a(?=b)", "(?<!a)b", "(a)\\1", "(?<n>a)\\k<n>"])
  func `is one, and is not run, for its time would have no bound`(source: String) {
    #expect(ECMAPattern.isValid(source))
    #expect(throws: PatternFault.self) { try ECMAPattern(source) }
  }

  @Test(arguments: [
    "^[a-c]+x?$", "a|bc", "^$", "(ab)*c", "^(a|b){2,4}$", "b$", "^.{3}$", "[^a]", "", "^a", "c*$",
  ])
  func `says the same by its table as by its threads`(source: String) throws {
    let pattern = try ECMAPattern(source)
    let letters = ["a", "b", "c", "x"]
    var texts = [""]
    for _ in 0..<5 { texts += texts.flatMap { text in letters.map { text + $0 } } }
    for text in Set(texts) {
      #expect(pattern.matches(text) == pattern.matchesByThreads(text.utf8), "\(text)")
    }
  }

  @Test func `takes time that grows with the text alone`() throws {
    // Backtracking needs 2^5000 steps for this.
    let pattern = try ECMAPattern("^(a|aa)+$")
    #expect(!pattern.matches(String(repeating: "a", count: 5_000) + "b"))
    #expect(throws: PatternFault.self) { try ECMAPattern("((a{100}){100}){100}") }
    #expect(throws: PatternFault.self) { try ECMAPattern(String(repeating: "(", count: 10_000)) }
  }
}
