import Charters
package import Vocabulary

/// The scopes that this provider can explain by itself; others are explained by the charters (`ScopeCatalogue`).
package enum Scopes {
  package static let openid = scope("openid")
  package static let offlineAccess = scope("offline_access")
  /// OpenID Connect Core 1.0 §5.4: claims that userinfo gives.
  package static let profile = scope("profile")
  package static let email = scope("email")
  package static let profileRead = scope("profile:read")

  /// Of OpenID Connect itself; no charter has them.
  package static let standard: Set<Scope> = [openid, profile, email, offlineAccess]
  /// What libraries ask for by themselves: where a client is not registered for one of these, it is left out instead of
  /// refused (RFC 6749 §3.3), and the answer says what was granted.
  package static let leftOut: Set<Scope> = [profile, email, offlineAccess]
  /// What is about a person needs a person.
  package static let personal: Set<Scope> = standard.union([profileRead])

  /// With what the consent page says about each, in the order in which it says it.
  package static let described: [(scope: Scope, text: String)] = [
    (openid, "Know that it is you"),
    (profile, "See your name and date of birth"),
    (email, "See your e-mail address"),
    (profileRead, "See your name, address and contact details"),
    (scope("accounts:read"), "See your accounts and their movements"),
    (scope("accounts:balance:read"), "See the balance of your accounts"),
    (scope("accounts:manage"), "Open, freeze, thaw and close accounts of the bank's customers"),
    (scope("payments:read"), "See your payments"),
    (scope("payments:create"), "Send payments from your accounts"),
    (offlineAccess, "Stay connected when you are not using it, for up to 30 days"),
  ]

  /// Written in the source, so a malformed one is a defect of the source.
  private static func scope(_ text: String) -> Scope {
    guard let scope = Scope(text) else { preconditionFailure("not a scope: \(text)") }
    return scope
  }

  /// As in the `scope` parameter and claim: sorted, separated by spaces.
  package static func text(_ scopes: Set<Scope>) -> String {
    scopes.sorted().map(\.description).joined(separator: " ")
  }
}

/// Every scope that a client can be registered for: those of OpenID Connect, and those that the charters' public operations
/// ask for, so that a service of one's own brings its own.
package struct ScopeCatalogue: Sendable {
  /// With what the consent page says about each, in the order in which it says it.
  package let described: [(scope: Scope, text: String)]
  package let known: Set<Scope>

  /// Longest text about one scope, in characters; a charter's summaries are cut there.
  package static let textCharactersMax = 160

  /// What the provider can explain by itself, without charters.
  package static let standard = ScopeCatalogue(summaries: nil)

  /// - Parameter operations: scopes and summary of every public operation.
  package init(operations: [(scopes: Set<Scope>, summary: String)]) {
    var summaries: [Scope: [String]] = [:]
    for operation in operations {
      for scope in operation.scopes { summaries[scope, default: []].append(operation.summary) }
    }
    self.init(summaries: summaries)
  }

  private init(summaries: [Scope: [String]]?) {
    let own = Scopes.described.filter {
      Scopes.standard.contains($0.scope) || summaries?[$0.scope] != nil || summaries == nil
    }
    let named = Set(own.map(\.scope))
    let others = (summaries ?? [:]).filter { !named.contains($0.key) }
      .sorted { $0.key < $1.key }
      .map { (scope: $0.key, text: Self.text(of: $0.key, $0.value)) }
    // Staying connected is said last, as what makes all others last.
    described =
      own.filter { $0.scope != Scopes.offlineAccess } + others
      + own.filter { $0.scope == Scopes.offlineAccess }
    known = Set(described.map(\.scope))
  }

  private static func text(of scope: Scope, _ summaries: [String]) -> String {
    let said = summaries.filter { !$0.isEmpty }
      .map { $0.hasSuffix(".") ? String($0.dropLast()) : $0 }
    let text = said.isEmpty ? "Use \(scope)" : said.joined(separator: "; ")
    return text.count <= textCharactersMax ? text : text.prefix(textCharactersMax - 1) + "…"
  }

  /// What is granted of what was asked for. Scopes that nobody knows are left out (OpenID Connect Core 1.0 §3.1.2.1), and
  /// those of `Scopes.leftOut` where `allowed` has them not.
  /// - Parameters:
  ///   - allowed: what this client, or this grant, may have.
  /// - Throws: `OAuthError`, `invalid_scope` with what may be asked for: for one of the platform's own scopes beyond
  ///   `allowed`, and where nothing is left.
  package func granted(_ text: String?, of allowed: Set<Scope>) throws(OAuthError) -> Set<Scope> {
    let words = (text ?? "").split(separator: " ")
    guard words.allSatisfy({ $0.utf8.allSatisfy(Self.isScopeByte) }) else {
      throw OAuthError(.invalidScope, "scope is not a list of words separated by spaces")
    }
    let asked = Set(words.compactMap { Scope(String($0)) }).intersection(known)
    let wanted = asked.subtracting(Scopes.leftOut.subtracting(allowed))
    let beyond = wanted.subtracting(allowed)
    let offer = Scopes.text(allowed.intersection(known))
    guard beyond.isEmpty else {
      throw OAuthError(
        .invalidScope,
        "not granted to this client: \(Scopes.text(beyond)); it may ask for: \(offer)")
    }
    guard !wanted.isEmpty else {
      let why = words.isEmpty ? "scope is missing" : "none of these scopes can be granted"
      throw OAuthError(.invalidScope, "\(why); this client may ask for: \(offer)")
    }
    return wanted
  }

  /// What a client may not be registered for, because nobody knows it.
  package func unknown(_ scopes: Set<Scope>) -> UnknownScopes? {
    let unknown = scopes.subtracting(known)
    return unknown.isEmpty ? nil : UnknownScopes(scopes: unknown, known: known)
  }

  /// RFC 6749 §3.3.
  private static func isScopeByte(_ byte: UInt8) -> Bool {
    byte == 0x21 || (0x23...0x5b).contains(byte) || (0x5d...0x7e).contains(byte)
  }
}

/// A client wants to be registered for scopes that no operation of this platform asks for.
package struct UnknownScopes: Refusal, Equatable {
  package let scopes: Set<Scope>
  package let known: Set<Scope>

  package var problem: Problem {
    Problem(
      "invalid-client", 422, "The client cannot be registered",
      detail: "nobody knows \(Scopes.text(scopes)); known are \(Scopes.text(known))",
      fields: ["field": "scopes"])
  }
}
