import Identity
import IdentityAPI
import Testing
import Vocabulary

@Suite struct `A PKCE challenge` {
  // RFC 7636 appendix B.
  private let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
  private let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

  @Test func `is answered by its verifier only`() throws {
    let challenge = try #require(CodeChallenge(challenge))
    #expect(challenge.isAnswered(by: verifier))
    #expect(!challenge.isAnswered(by: verifier.dropLast() + "l"))
    #expect(!challenge.isAnswered(by: self.challenge))
    #expect(!challenge.isAnswered(by: ""))
  }

  @Test func `is a digest and nothing else`() {
    for text in ["", verifier + "x", String(verifier.dropLast()), verifier.dropLast() + "="] {
      #expect(CodeChallenge(String(text)) == nil)
    }
  }

  @Test func `wants verifiers of 43 to 128 unreserved characters`() throws {
    for (length, isLegal) in [(42, false), (43, true), (128, true), (129, false)] {
      let verifier = String(repeating: "a", count: length)
      let challenge = try #require(CodeChallenge(digest(verifier)))
      #expect(challenge.isAnswered(by: verifier) == isLegal)
    }
    let odd = String(repeating: "a", count: 43) + " "
    #expect(try #require(CodeChallenge(digest(odd))).isAnswered(by: odd) == false)
  }
}

@Suite struct `A redirect address` {
  @Test(arguments: [
    "https://app.example/callback", "https://app.example:8443/cb?tenant=1", "https://app.example",
    "http://127.0.0.1/cb", "http://127.0.0.1:49152/cb", "http://[::1]:8080/cb",
    "com.example.app:/callback",
  ]) func `is accepted`(_ text: String) { #expect(RedirectURI(text) != nil) }

  @Test(arguments: [
    "", "/callback", "callback", "https:/app.example", "https://", "http://app.example/cb",
    "http://localhost/cb", "http://127.0.0.2/cb", "http://127.0.0.1.evil.example/cb",
    "https://app.example/cb#fragment", "https://user@app.example/cb", "https://app.example/a b",
    "https://app.example/../cb", "https://app.example/%2e%2e/cb", "https://app.example/a%2Fb",
    "https://app.example\\@evil.example/cb", "javascript:alert(1)", "data:text/html,x",
    "com.example.app://host/cb", "https://app.example:port/", "https://app.example:99999/",
    "https://app.example/\u{e4}", "HTTPS://app.example/cb", "https://app%2eexample/cb",
    "https://app.example/\"onload=x",
  ]) func `is refused`(_ text: String) { #expect(RedirectURI(text) == nil) }

  @Test func `is compared as an exact string`() throws {
    let registered = try #require(RedirectURI("https://app.example/cb"))
    #expect(registered.allows(registered))
    for text in [
      "https://app.example/cb/", "https://app.example/cb?x=1", "https://app.example:443/cb",
      "https://app.example/CB", "https://app.example.evil.example/cb", "https://evil.example/cb",
    ] {
      #expect(!registered.allows(try #require(RedirectURI(text))), "\(text)")
    }
  }

  @Test func `may have any port on the loopback address, and nothing else may differ`() throws {
    let registered = try #require(RedirectURI("http://127.0.0.1/cb"))
    #expect(registered.allows(try #require(RedirectURI("http://127.0.0.1:51004/cb"))))
    for text in ["http://127.0.0.1:51004/other", "http://[::1]:51004/cb", "https://127.0.0.1/cb"] {
      #expect(!registered.allows(try #require(RedirectURI(text))), "\(text)")
    }
  }

  @Test func `takes parameters without losing its own`() throws {
    let plain = try #require(RedirectURI("https://app.example/cb"))
    let query = try #require(RedirectURI("https://app.example/cb?t=1"))
    #expect(plain.adding([("code", "a b&c")]) == "https://app.example/cb?code=a%20b%26c")
    #expect(query.adding([("code", "x")]) == "https://app.example/cb?t=1&code=x")
  }

  @Test func `has a limit`() {
    let base = "https://app.example/"
    let longest = base + String(repeating: "a", count: RedirectURI.bytesMax - base.utf8.count)
    #expect(RedirectURI(longest) != nil)
    #expect(RedirectURI(longest + "a") == nil)
  }
}

@Suite struct `A form` {
  @Test func `is decoded exactly`() throws {
    let form = try Form(Array("a=1&b=x+y%26%3d%C3%A4&empty=&bare".utf8))
    #expect(form["a"] == "1")
    #expect(form["b"] == "x y&=ä")
    // Without a value it is as if it were not there (RFC 6749 §3.1).
    #expect(form["empty"] == nil && form["bare"] == nil && form.names == ["a", "b"])
    #expect(form["none"] == nil)
  }

  @Test(arguments: [
    ("a=1&a=1", FormError.duplicate), ("a=1&%61=2", .duplicate), ("a=%", .malformed),
    ("a=%4", .malformed), ("a=%zz", .malformed), ("a=%00", .malformed), ("a=%0a", .malformed),
    ("a=%ff", .malformed), ("a=%C3", .malformed), ("=1", .malformed), ("a=\u{e4}", .malformed),
    ("a= b", .malformed), ("a=%7f", .malformed),
  ]) func `is refused`(_ text: String, _ error: FormError) {
    #expect(throws: error) { try Form(Array(text.utf8)) }
  }

  @Test func `has limits`() throws {
    let value = String(repeating: "v", count: Form.valueBytesMax)
    #expect(throws: Never.self) { try Form(Array("a=\(value)".utf8)) }
    #expect(throws: FormError.tooLong) { try Form(Array("a=\(value)v".utf8)) }
    let name = String(repeating: "n", count: Form.nameBytesMax)
    #expect(throws: Never.self) { try Form(Array("\(name)=1".utf8)) }
    #expect(throws: FormError.tooLong) { try Form(Array("\(name)n=1".utf8)) }
    let many = (0..<Form.parametersMax).map { "p\($0)=1" }.joined(separator: "&")
    #expect(throws: Never.self) { try Form(Array(many.utf8)) }
    #expect(throws: FormError.tooManyParameters) { try Form(Array((many + "&q=1").utf8)) }
    #expect(throws: FormError.tooLong) {
      try Form([UInt8](repeating: UInt8(ascii: "&"), count: Form.bytesMax + 1))
    }
  }

  @Test func `comes back from its own spelling`() throws {
    let text = "weird=&?+%/ü\"'<>"
    let form = try Form(Array(Form.encode([("k", text)]).utf8))
    #expect(form["k"] == text)
  }
}

@Suite struct `A cookie header` {
  private let value = String(repeating: "A", count: Cookie.valueCharacters)

  @Test func `gives the value that stands in it once`() {
    let name = Cookie.session.rawValue
    #expect(Cookie.session.value(in: "x=1; \(name)=\(value); y=2") == value)
    #expect(Cookie.session.value(in: "\(name)=\(value); \(name)=\(value)") == nil)
    #expect(Cookie.session.value(in: "\(name)=short") == nil)
    #expect(Cookie.session.value(in: "\(name)=\(value.dropLast())\"") == nil)
    #expect(Cookie.session.value(in: nil) == nil)
    #expect(Cookie.visit.value(in: "\(name)=\(value)") == nil)
    let long = "\(name)=\(value); p=" + String(repeating: "x", count: Cookie.headerBytesMax)
    #expect(Cookie.session.value(in: long) == nil)
  }

  @Test(arguments: Cookie.allCases) func `is set for this host, over TLS, out of scripts' reach`(
    _ cookie: Cookie
  ) {
    let text = cookie.setting(value)
    #expect(text.hasPrefix("__Host-"))
    for word in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"] { #expect(text.contains(word)) }
    #expect(!text.contains("Domain"))
    #expect(cookie.clearing.contains("Max-Age=0"))
  }
}
