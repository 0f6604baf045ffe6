import Crypto
import NIOCore
import StrictJSON
import Tokens
package import Transport
package import Vocabulary

/// Signs a person in as a browser and an application would: authorization code with PKCE (RFC 7636), login form, consent
/// form, cookies, token endpoint. It knows nothing of the platform but what the pages and the discovery document say.
package struct BrowserLogin: Sendable {
  package struct Tokens: SnakeCased, Sendable, Codable {
    package let accessToken: String
    package let refreshToken: String?
  }

  private let browser: OutsideClient
  private let clientID: ClientID
  private let redirectURI: String
  private let randomness: Randomness
  static let redirectsMax = 8

  package init(
    browser: OutsideClient, clientID: ClientID, redirectURI: String, randomness: Randomness
  ) {
    self.browser = browser
    self.clientID = clientID
    self.redirectURI = redirectURI
    self.randomness = randomness
  }

  /// - Parameter scopes: space-separated.
  /// - Throws: `DemoFailure` naming the step that went wrong, or `TransportFailure`.
  package func signIn(login: String, password: String, scopes: String) async throws -> Tokens {
    let verifier = Base64URL.encode(randomness.bytes(32))
    let state = hexText(randomness.bytes(16))
    let request = Form([
      ("response_type", "code"), ("client_id", "\(clientID)"), ("redirect_uri", redirectURI),
      ("scope", scopes), ("state", state), ("nonce", hexText(randomness.bytes(8))),
      ("code_challenge", Base64URL.encode(Array(SHA256.hash(data: Array(verifier.utf8))))),
      ("code_challenge_method", "S256"),
    ])
    var cookies = CookieJar()
    let begun = try await page("GET", "/oauth2/authorize?\(request.text)", nil, &cookies)
    let loggedIn = try await submit(
      try HTMLForm(in: begun.html), [("login", login), ("password", password)], &cookies)
    var back = loggedIn
    if back.location == nil {
      back = try await submit(try HTMLForm(in: loggedIn.html), [("decision", "allow")], &cookies)
    }
    guard let location = back.location, location.hasPrefix(redirectURI) else {
      throw DemoFailure("signing in did not lead back to the application: \(back.summary)")
    }
    let items = Form(query: location)
    guard items["state"] == state, let code = items["code"] else {
      throw DemoFailure("no code came back: \(items["error"] ?? "unknown")")
    }
    return try await exchange(code, verifier)
  }

  private func exchange(_ code: String, _ verifier: String) async throws -> Tokens {
    let form = Form([
      ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirectURI),
      ("client_id", "\(clientID)"), ("code_verifier", verifier),
    ])
    let answer = try await browser.send(form.request("/oauth2/token"))
    let body = Array(answer.body.readableBytesView)
    guard answer.status == 200, let members = try? JSON.parse(body),
      let access = members["access_token"]?.string
    else { throw DemoFailure("the token endpoint answered \(answer.status)") }
    return Tokens(accessToken: access, refreshToken: members["refresh_token"]?.string)
  }

  private struct Page {
    let status: Int
    let html: String
    /// Where the browser was finally sent to outside of the issuer.
    let location: String?
    var summary: String { "status \(status)" }
  }

  private func submit(
    _ form: HTMLForm, _ filled: [(String, String)], _ cookies: inout CookieJar
  ) async throws -> Page {
    let fields = form.hidden + filled
    return try await page("POST", form.action, Form(fields), &cookies)
  }

  /// One page, following redirects within the issuer.
  private func page(
    _ method: String, _ target: String, _ form: Form?, _ cookies: inout CookieJar
  ) async throws -> Page {
    var request = form?.request(target) ?? WireRequest(method: method, target: target)
    for _ in 0..<Self.redirectsMax {
      request.headers.set("accept", "text/html")
      if let cookie = cookies.header { request.headers.set("cookie", cookie) }
      let answer = try await browser.send(request)
      cookies.take(answer.headers.values("set-cookie"))
      let html = String(buffer: answer.body)
      guard (300..<400).contains(answer.status), let location = answer.headers["location"] else {
        guard answer.status == 200 else {
          throw DemoFailure("\(request.target.prefix { $0 != "?" }) answered \(answer.status)")
        }
        return Page(status: answer.status, html: html, location: nil)
      }
      guard location.hasPrefix("/") else {
        return Page(status: answer.status, html: html, location: location)
      }
      request = WireRequest(method: "GET", target: location)
    }
    throw DemoFailure("redirected in a circle")
  }
}

/// What went wrong in a demo, in one line.
package struct DemoFailure: Error, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}
