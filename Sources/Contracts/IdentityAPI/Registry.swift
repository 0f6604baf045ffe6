package import Vocabulary

// What is registered, as the operator reads and changes it.

extension IdentityOperations {
  /// The clients by id. Queries: `limit` 1–200 (default 100), `after`, the `next` of the page before.
  package static let listClients = Operation<Nothing, ClientPage>(
    "listClients", of: service, .get, "/v1/clients")
  /// One client with all that is registered of it.
  package static let getClient = Operation<Nothing, ClientRecord>(
    "getClient", of: service, .get, "/v1/clients/{id}")
  /// Changes what is named and leaves the rest; judged like a new registration. Where scopes or keys go, all that the
  /// client was given before is dead. Safe to repeat.
  package static let changeClient = Operation<ClientChange, ClientRecord>(
    "changeClient", of: service, .post, "/v1/clients/{id}/changes")
  /// Who can sign in, by id; queries as in `listClients`. No login and no name: they are not kept in clear.
  package static let listPeople = Operation<Nothing, PersonPage>(
    "listPeople", of: service, .get, "/v1/people")
  /// Takes a person's password away and gives one that opens nothing but the choice of a new one, once, within
  /// `PasswordReset.lifetimeSeconds`. Sessions, grants and tokens end. Each call gives another one.
  package static let resetPassword = Operation<Nothing, PasswordReset>(
    "resetPassword", of: service, .post, "/v1/people/{id}/password-resets")

  /// Most items on a page.
  package static let pageMax = 200
  /// Items on a page unless told otherwise.
  package static let pageDefault = 100
}

/// One client of a list.
package struct ClientSummary: SnakeCased, Codable, Sendable, Hashable {
  package let id: ClientID
  package let name: String
  package let kind: NewClient.Kind
  package let state: SubjectStanding.State
  package let createdAt: Instant

  package init(
    id: ClientID, name: String, kind: NewClient.Kind, state: SubjectStanding.State,
    createdAt: Instant
  ) {
    self.id = id
    self.name = name
    self.kind = kind
    self.state = state
    self.createdAt = createdAt
  }
}

package struct ClientPage: Codable, Sendable, Hashable {
  package let clients: [ClientSummary]
  /// Give it as `after` to go on; absent on the last page.
  package let next: String?
  package init(clients: [ClientSummary], next: String?) {
    self.clients = clients
    self.next = next
  }
}

/// A client as it stands.
package struct ClientRecord: SnakeCased, Codable, Sendable, Hashable {
  package let registration: NewClient
  /// `suspended` by the operator's word here, or by the policies' list.
  package let state: SubjectStanding.State
  package let createdAt: Instant
  package init(registration: NewClient, state: SubjectStanding.State, createdAt: Instant) {
    self.registration = registration
    self.state = state
    self.createdAt = createdAt
  }
}

/// The body of `changeClient`: lists replace lists, what is absent stays. Kind and grants are what a client is; another
/// one is another client.
package struct ClientChange: Codable, Sendable, Hashable {
  package var name: String?
  package var redirectURIs: [String]?
  package var postLogoutRedirectURIs: [String]?
  package var scopes: [String]?
  package var keys: [PublishedKey]?

  package init(
    name: String? = nil, redirectURIs: [String]? = nil, postLogoutRedirectURIs: [String]? = nil,
    scopes: [String]? = nil, keys: [PublishedKey]? = nil
  ) {
    self.name = name
    self.redirectURIs = redirectURIs
    self.postLogoutRedirectURIs = postLogoutRedirectURIs
    self.scopes = scopes
    self.keys = keys
  }
  private enum CodingKeys: String, CodingKey {
    case name, scopes, keys
    case redirectURIs = "redirect_uris"
    case postLogoutRedirectURIs = "post_logout_redirect_uris"
  }
}

/// Somebody who can sign in.
package struct PersonSummary: SnakeCased, Codable, Sendable, Hashable {
  package let id: PersonID
  package let state: SubjectStanding.State
  package let createdAt: Instant
  /// Until when the one-time password is good; absent for a password of the person's own.
  package let oneTimeUntil: Instant?

  package init(
    id: PersonID, state: SubjectStanding.State, createdAt: Instant, oneTimeUntil: Instant?
  ) {
    self.id = id
    self.state = state
    self.createdAt = createdAt
    self.oneTimeUntil = oneTimeUntil
  }
}

package struct PersonPage: Codable, Sendable, Hashable {
  package let people: [PersonSummary]
  /// Give it as `after` to go on; absent on the last page.
  package let next: String?
  package init(people: [PersonSummary], next: String?) {
    self.people = people
    self.next = next
  }
}

/// The answer of `resetPassword`, the only place where the password ever stands.
package struct PasswordReset: SnakeCased, Codable, Sendable, Hashable {
  /// How long it is good, in seconds: a day.
  package static let lifetimeSeconds: Int64 = 86_400
  package let id: PersonID
  package let password: String
  package let expiresAt: Instant
  package init(id: PersonID, password: String, expiresAt: Instant) {
    self.id = id
    self.password = password
    self.expiresAt = expiresAt
  }
}
