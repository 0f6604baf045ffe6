import Foundation
import Testing

/// What our documents name is there.
@Suite struct `A document` {
  /// A file that a text names: a link, or a name in backticks.
  struct Mention: Hashable, CustomStringConvertible {
    let document: String
    let path: String
    var description: String { "\(document) names \(path), which is not there" }
  }

  private static let pages = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "THREATS.md"]
  private static let documents =
    pages + Checkout.files("Docs")
    + Checkout.files("Sources/Services").filter { $0.hasSuffix("README.md") }
  private static let everything =
    pages + ["Package.swift"]
    + ["Sources", "Tests", "Docs", "Policies", "Examples", "Charters"].flatMap(Checkout.files)

  /// Links that lead nowhere, and names of files that no file has.
  static func dangling(_ text: String, of document: String, among files: [String]) -> [Mention] {
    let folder = document.contains("/") ? document.prefix { $0 != "/" } + "/" : ""
    let links = text.matches(of: /\]\((?!https?:|#)([^)#\s]+)/).map { String($0.output.1) }
      .filter { link in
        let path = link.hasPrefix("../") ? String(link.dropFirst(3)) : folder + link
        return !files.contains(path)
      }
    let names = text.matches(of: /`([A-Za-z][\w\/.+-]*\.(?:swift|md|yaml|rego|sql|py))`/)
      .map { String($0.output.1) }
      .filter { name in !files.contains { $0 == name || $0.hasSuffix("/" + name) } }
    return (links + names).map { Mention(document: document, path: $0) }
  }

  @Test func `names files and links to documents that are there`() throws {
    #expect(Self.documents.count > 15 && Self.everything.count > 500)
    for document in Self.documents {
      let text = try #require(Checkout.text(document))
      #expect(Self.dangling(text, of: document, among: Self.everything).isEmpty)
    }
  }

  @Test func `is found out where it names what is not there`() {
    let text = "See [this](gone.md), [that](../README.md), `Sources/Lost.swift` and `glossary.md`."
    let found = Self.dangling(
      text, of: "Docs/limits.md", among: ["README.md", "Docs/glossary.md", "Docs/limits.md"])
    #expect(found.map(\.path) == ["gone.md", "Sources/Lost.swift"])
  }

  @Test func `for newcomers is short: the README has 150 lines at most`() throws {
    let readme = try #require(Checkout.text("README.md"))
    #expect(readme.split(separator: "\n", omittingEmptySubsequences: false).count <= 151)
  }
}
