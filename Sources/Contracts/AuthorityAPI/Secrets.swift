package import Vocabulary

// Secrets of the outside: what a service must know to be let in elsewhere (a mail server, a bureau, a card network). An
// operator sets them; the authority keeps them sealed and gives each to the one service whose charter names it.

extension AuthorityOperations {
  /// Sets a secret, or replaces it.
  package static let setSecret = Operation<NewSecret, SecretStanding>(
    "setSecret", of: "authority", .post, "/v1/secrets")
  /// Which secrets a service has, and which its charter names. Query `service`. Values are never told.
  package static let listSecrets = Operation<Nothing, SecretList>(
    "listSecrets", of: "authority", .get, "/v1/secrets")
  /// Takes a secret away from its service.
  package static let removeSecret = Operation<SecretPlace, SecretStanding>(
    "removeSecret", of: "authority", .post, "/v1/secrets/removals")
  /// The caller's own secrets, as far as it does not have them already. Natural: asking again changes nothing.
  package static let handOverSecrets = Operation<SecretsWanted, SecretsGiven>(
    "handOverSecrets", of: "authority", .post, "/v1/secrets/hand-overs")
}

/// Bounds of secrets.
package enum SecretLimits {
  /// Bytes of one value: a password, a key or a certificate with its chain.
  package static let valueBytes = 1...16_384
  /// Secrets in one request: as many as a charter can name.
  package static let wantedMax = 32
}

/// Whose secret, and which.
package struct SecretPlace: Codable, Hashable, Sendable {
  package let service: ServiceName
  package let name: SecretName
  package init(service: ServiceName, name: SecretName) {
    self.service = service
    self.name = name
  }
}

/// A secret as it is set. Never logged; held in memory only.
package struct NewSecret: Codable, Sendable {
  package let service: ServiceName
  package let name: SecretName
  /// 1–16,384 bytes, base64url without padding (RFC 4648 §5).
  package let value: String
  package init(service: ServiceName, name: SecretName, value: String) {
    self.service = service
    self.name = name
    self.value = value
  }
}

extension NewSecret: CustomStringConvertible, CustomReflectable {
  /// Without the value.
  package var description: String { "secret \(name) of \(service)" }
  package var customMirror: Mirror { Mirror(self, children: ["service": service, "name": name]) }
}

/// What became of a secret.
package struct SecretStanding: Codable, Hashable, Sendable {
  package let service: ServiceName
  package let name: SecretName
  /// From 1; each setting is one more, also after a removal.
  package let version: Int
  package init(service: ServiceName, name: SecretName, version: Int) {
    self.service = service
    self.name = name
    self.version = version
  }
}

/// The secrets of one service, by name.
package struct SecretList: Codable, Hashable, Sendable {
  package let secrets: [Entry]
  package init(secrets: [Entry]) { self.secrets = secrets }

  package struct Entry: SnakeCased, Codable, Hashable, Sendable {
    package let name: SecretName
    /// Of the value in force; absent where there is none.
    package let version: Int?
    package let setAt: Instant?
    /// Whether the charter in force names it; a value that it does not name is given to nobody.
    package let isNamed: Bool
    package init(name: SecretName, version: Int?, setAt: Instant?, isNamed: Bool) {
      self.name = name
      self.version = version
      self.setAt = setAt
      self.isNamed = isNamed
    }
  }
}

/// Which secrets a service wants, and what it has of them.
package struct SecretsWanted: Codable, Hashable, Sendable {
  /// The version in hand by name; 0 for none. Up to 32.
  package let known: [String: Int]
  package init(known: [String: Int]) { self.known = known }
}

/// A service's own secrets. Never logged; held in memory only.
package struct SecretsGiven: Codable, Sendable {
  /// Without those that are not set.
  package let secrets: [Entry]
  package init(secrets: [Entry]) { self.secrets = secrets }

  package struct Entry: Codable, Sendable {
    package let name: SecretName
    package let version: Int
    /// As in `NewSecret`; absent where the caller has this version.
    package let value: String?
    package init(name: SecretName, version: Int, value: String?) {
      self.name = name
      self.version = version
      self.value = value
    }
  }
}

extension SecretsGiven: CustomStringConvertible, CustomReflectable {
  /// Without the values.
  package var description: String {
    "secrets " + secrets.map { "\($0.name) \($0.version)" }.joined(separator: ", ")
  }
  package var customMirror: Mirror { Mirror(self, children: ["count": secrets.count]) }
}

extension SecretsGiven.Entry: CustomStringConvertible, CustomReflectable {
  /// Without the value.
  package var description: String { "secret \(name) \(version)" }
  package var customMirror: Mirror { Mirror(self, children: ["name": name, "version": version]) }
}
