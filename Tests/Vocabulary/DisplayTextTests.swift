import Testing
import Vocabulary

@Suite struct `Text for people` {
  @Test(arguments: ["Rent, November", "Müller & Söhne", "家賃", "👩‍💻 laptop", "می‌خواهم", "a"])
  func `is any line that can be read`(text: String) { #expect(text.isDisplayText) }

  @Test(arguments: [
    "", " ", "\u{200d}", "a\u{0}", "a\nb", "a\u{2028}b", "\u{202e}gpj.exe", "a\u{2066}b",
    "\u{e000}",
    "\u{7f}", "a\u{ad}b", "\u{feff}a",
  ])
  func `holds nothing that hides or turns what is there`(text: String) {
    #expect(!text.isDisplayText)
  }
}
