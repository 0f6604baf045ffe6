package import Chassis
import StrictJSON
import Transport
import Vocabulary

/// RFC 7009. An unknown or foreign token is answered like a revoked one: nobody learns which tokens exist.
extension Provider {
  package func revoke(_ visit: Visit) async throws -> Answer {
    do {
      let form = try form(visit)
      let client = try await authenticate(form, visit)
      guard let token = form["token"] else {
        throw OAuthError(.invalidRequest, "token is missing")
      }
      let journal = journal(visit)
      // The hint is only a hint (RFC 7009 §2.1): what a token is can be seen.
      if let claims = keys.verified(accessToken: token, issuer: issuer, at: journal.at) {
        if claims["client_id"]?.string == "\(client.id)", let revoked = RevokedToken(claims) {
          try await store.revoke(accessToken: revoked, client: client.id, journal: journal)
        }
      } else {
        _ = try await store.revoke(refreshToken: token, by: client.id, journal: journal)
      }
      var answer = Answer.empty(200)
      answer.headers.add("cache-control", "no-store")
      return answer
    } catch let error as OAuthError {
      return .oauth(error)
    }
  }
}
