import NIOCore
import Transport
import Vocabulary

/// Name-value pairs as `application/x-www-form-urlencoded` (URL Standard §5).
struct Form {
  private let items: [(String, String)]
  init(_ items: [(String, String)]) { self.items = items }

  /// The query of a URL.
  init(query url: String) {
    let query = url.split(separator: "?", maxSplits: 1).dropFirst().first ?? ""
    items = query.split(separator: "&").map { item in
      let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let words = parts.map { PercentEncoding.decode($0.utf8) ?? "" }
      return (words[0], words.count > 1 ? words[1] : "")
    }
  }

  subscript(_ name: String) -> String? { items.first { $0.0 == name }?.1 }

  var text: String {
    PercentEncoding.encode(items.map { (name: $0.0, value: $0.1) })
  }

  func request(_ target: String) -> WireRequest {
    WireRequest(
      method: "POST", target: target,
      headers: ["content-type": "application/x-www-form-urlencoded"], body: ByteBuffer(string: text)
    )
  }
}

/// The first form of a page: where it leads, and what it carries hidden.
struct HTMLForm {
  let action: String
  let hidden: [(String, String)]

  /// - Throws: `DemoFailure` for a page without a form.
  init(in html: String) throws(DemoFailure) {
    guard let form = html.firstRange(of: "<form").map({ html[$0.lowerBound...] }),
      let action = Self.attribute("action", in: form.prefix { $0 != ">" })
    else { throw DemoFailure("the page has no form") }
    self.action = action
    hidden = form.split(separator: "<").filter { $0.hasPrefix("input") }.compactMap { tag in
      let tag = tag.prefix { $0 != ">" }
      guard Self.attribute("type", in: tag) == "hidden", let name = Self.attribute("name", in: tag)
      else { return nil }
      return (name, Self.attribute("value", in: tag) ?? "")
    }
  }

  private static func attribute(_ name: String, in tag: Substring) -> String? {
    guard let start = tag.firstRange(of: " \(name)=\"")?.upperBound else { return nil }
    return tag[start...].prefix { $0 != "\"" }
      .replacing("&quot;", with: "\"").replacing("&#39;", with: "'").replacing("&lt;", with: "<")
      .replacing("&gt;", with: ">").replacing("&amp;", with: "&").description
  }
}

/// Cookies of one browser and one site, by name.
struct CookieJar {
  private var cookies: [String: String] = [:]

  mutating func take(_ fields: [String]) {
    for field in fields {
      let pair = field.prefix { $0 != ";" }.split(
        separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if pair.count == 2 { cookies[String(pair[0])] = String(pair[1]) }
    }
  }

  var header: String? {
    cookies.isEmpty
      ? nil
      : cookies.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: "; ")
  }
}
