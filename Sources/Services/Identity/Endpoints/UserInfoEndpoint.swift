package import Chassis
import CustomersAPI
import IdentityAPI
import StrictJSON
import Transport
package import Vocabulary

/// Userinfo (OpenID Connect Core 1.0 §5.3): who it is, and of what customers holds what the token's scopes open.
extension Provider {
  /// - Parameter person: of the transaction token, which has been proven. The outside token, which the gateway has judged,
  ///   says which scopes there are.
  package func userInfo(of person: PersonID, _ visit: Visit) async throws -> Answer {
    let granted = scopes(of: visit)
    var info = UserInfo(sub: "\(person)")
    if !granted.isDisjoint(with: [Scopes.profile, Scopes.email]),
      let claims = try await claims(visit.context)
    {
      let isNamed = granted.contains(Scopes.profile)
      let isReached = granted.contains(Scopes.email)
      info = UserInfo(
        sub: "\(person)",
        name: isNamed ? Self.fullName(claims.givenName, claims.familyName) : nil,
        givenName: isNamed ? claims.givenName : nil, familyName: isNamed ? claims.familyName : nil,
        birthDate: isNamed ? claims.birthDate : nil, email: isReached ? claims.email : nil,
        isEmailVerified: isReached ? false : nil)
    }
    var answer = try Answer.json(200, info)
    answer.headers.set("cache-control", "no-store")
    return answer
  }

  static func fullName(_ given: Masked<String>, _ family: Masked<String>) -> Masked<String> {
    Masked("\(given.reveal(for: .subjectAccess)) \(family.reveal(for: .subjectAccess))")
  }

  /// None where the token is not ours (any more).
  private func scopes(of visit: Visit) -> Set<Scope> {
    guard let field = visit.authorization, field.lowercased().hasPrefix("bearer ") else {
      return []
    }
    let token = field.dropFirst("bearer ".count).drop { $0 == " " }
    let claims = keys.verified(accessToken: String(token), issuer: issuer, at: clock.now())
    return claims?["scope"]?.string.flatMap { Scope.set($0) } ?? []
  }
}
