package import Vocabulary

/// What a revocation names, and with which claim or field it is compared. Later work adds kinds; a follower that does not
/// know one keeps it and compares it with nothing.
package struct RevocationKind: Codable, Sendable, Hashable, CustomStringConvertible {
  /// One access token, by `jti`.
  package static let token = RevocationKind("token")
  /// All tokens of one grant, by `family`.
  package static let family = RevocationKind("family")
  /// All tokens from one browser session, by `sid`.
  package static let session = RevocationKind("session")
  /// All tokens of one client, by `client_id`.
  package static let client = RevocationKind("client")
  /// All tokens of one person, or of a client that acts for itself, by `sub`.
  package static let person = RevocationKind("person")
  /// A workload's certificates: by SPIFFE ID all of them, by serial number (lower-case hex) one.
  package static let workload = RevocationKind("workload")
  /// A key that signs, by `kid`.
  package static let key = RevocationKind("key")

  /// Longest name, in bytes.
  package static let bytesMax = 32
  package let description: String

  private init(_ name: String) { description = name }

  /// - Throws: `DecodingError` for anything but 1–32 lower-case letters.
  package init(from decoder: any Decoder) throws {
    let name = try decoder.singleValueContainer().decode(String.self)
    guard let kind = RevocationKind(name: name) else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "not a kind of revocation"))
    }
    self = kind
  }

  /// Nil for anything but 1–32 lower-case letters.
  package init?(name: String) {
    guard (1...Self.bytesMax).contains(name.utf8.count),
      name.utf8.allSatisfy({ (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) })
    else { return nil }
    description = name
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// One entry of the platform's revocation feed. For each kind and id there is one: what changes gets a new number.
package struct RevocationEntry: SnakeCased, Codable, Sendable, Hashable {
  /// Longest id, in bytes.
  package static let idBytesMax = 256

  /// Grows from entry to entry; numbers of entries that were replaced or have ended are missing.
  package let number: Int64
  package let kind: RevocationKind
  /// 1–256 bytes.
  package let id: String
  /// When it was revoked.
  package let at: Instant
  /// Only what was issued before this second is dead; nil where all of it is. So a suspension is lifted: what was
  /// issued before stays dead.
  package let issuedBefore: Instant?
  /// After this all that it concerns has ended by itself, and the entry may be forgotten; nil until it is lifted.
  package let expiresAt: Instant?

  package init(
    number: Int64, kind: RevocationKind, id: String, at: Instant, issuedBefore: Instant?,
    expiresAt: Instant?
  ) {
    self.number = number
    self.kind = kind
    self.id = id
    self.at = at
    self.issuedBefore = issuedBefore
    self.expiresAt = expiresAt
  }
}

/// Some entries of the feed, oldest first, with what a reader needs to know whether these are all.
package struct RevocationExtract: SnakeCased, Codable, Sendable, Hashable {
  /// Most entries in one extract.
  package static let entriesMax = 1_000

  /// Which feed this is; another one, after a store was replaced, is read from its beginning.
  package let feed: String
  /// The number after which was asked.
  package let after: Int64
  package let entries: [RevocationEntry]
  /// Ask after this number next time: nothing between it and `after` is missing here.
  package let next: Int64
  /// The highest number that was ever given. `next` below it: there is more at once.
  package let head: Int64
  /// All that had been revoked by then is in the feed up to `head`.
  package let asOf: Instant

  package init(
    feed: String, after: Int64, entries: [RevocationEntry], next: Int64, head: Int64, asOf: Instant
  ) {
    self.feed = feed
    self.after = after
    self.entries = entries
    self.next = next
    self.head = head
    self.asOf = asOf
  }
}

/// An extract as it travels.
package struct SignedRevocations: Codable, Sendable, Hashable {
  /// `typ` of the signature.
  package static let type = "revocations+jwt"

  /// A `RevocationExtract` as JSON text, byte for byte as it was signed.
  package let extract: String
  /// A compact JWS by the key of the authority's X.509-SVID, its chain in `x5c`, over the SHA-256 of the text.
  package let signature: String

  package init(extract: String, signature: String) {
    self.extract = extract
    self.signature = signature
  }
}

/// A revocation as its publisher hands it over.
package struct NewRevocation: Codable, Sendable, Hashable {
  /// The publisher's own numbering, under which the entry may come again.
  package let entry: RevocationEntry
  /// Whose tokens it concerns (`sub`): an entry about all tokens of that subject takes the place of these.
  package let owner: String?
  /// The grant of a token: an entry about the grant takes the place of these.
  package let family: String?

  package init(entry: RevocationEntry, owner: String? = nil, family: String? = nil) {
    self.entry = entry
    self.owner = owner
    self.family = family
  }
}

/// The body of `publishRevocations`.
package struct PublishedRevocations: SnakeCased, Codable, Sendable, Hashable {
  /// Most entries at a time.
  package static let entriesMax = 500
  /// In the order of their numbers.
  package let entries: [NewRevocation]
  /// All that the publisher had revoked by then is handed over, with these; nil where it does not say.
  package let asOf: Instant?

  package init(entries: [NewRevocation], asOf: Instant? = nil) {
    self.entries = entries
    self.asOf = asOf
  }
}

/// The answer to `publishRevocations`.
package struct RevocationsTaken: Codable, Sendable, Hashable {
  /// The feed's highest number after it.
  package let head: Int64
  package init(head: Int64) { self.head = head }
}
