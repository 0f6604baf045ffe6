package import Vocabulary

/// What the customers service promises: it is the only holder of personal data. Everybody else keeps a `PersonID`.
package enum CustomersOperations {
  package static let service: ServiceName = "customers"

  /// Records a person under the id the caller chose; the same details twice are one record, other details are refused
  /// with `customer-exists`. For operators only.
  package static let createCustomer = Operation<NewCustomer, CustomerReceipt>(
    "createCustomer", of: service, .post, "/v1/customers")

  /// The name to greet a signed-in person by. Identity asks for it for the consent page; nothing else is disclosed.
  package static let getCustomer = Operation<Nothing, CustomerName>(
    "getCustomer", of: service, .get, "/v1/customers/{id}")

  /// What an application may be told of the person who allowed it (OpenID Connect Core 1.0 §5.1), for identity's userinfo.
  /// Who it is about is the subject of the transaction token, never a parameter.
  package static let getClaims = Operation<Nothing, CustomerClaims>(
    "getClaims", of: service, .get, "/v1/claims")

  /// The person's own record. Who asks is the subject of the transaction token, never a parameter.
  package static let getMe = Operation<Nothing, CustomerRecord>(
    "getMe", of: service, .get, "/v1/me")
}

/// A postal address. Lengths are in Unicode characters.
package struct PostalAddress: SnakeCased, Codable, Sendable, Hashable {
  /// Street, house number, flat; 1–4 lines of 1–120 characters.
  package let lines: [String]
  /// 1–16 characters, or absent where the country has none.
  package let postalCode: String?
  /// 1–80 characters.
  package let city: String
  /// ISO 3166-1 alpha-2, upper case.
  package let country: String

  package init(lines: [String], postalCode: String?, city: String, country: String) {
    self.lines = lines
    self.postalCode = postalCode
    self.city = city
    self.country = country
  }
}

/// Everything known about who a person is. Each value is wrapped, so it can be neither printed nor logged.
package struct PersonalDetails: Sendable, Hashable {
  /// 1–80 characters.
  package let givenName: Masked<String>
  /// 1–80 characters.
  package let familyName: Masked<String>
  /// `local@domain`, 3–254 characters (RFC 5321 §4.5.3.1.3).
  package let email: Masked<String>
  /// E.164: `+` and 7–15 digits.
  package let phone: Masked<String>
  package let address: Masked<PostalAddress>
  /// `YYYY-MM-DD`, a day in the past.
  package let birthDate: Masked<String>
  /// 4–32 letters, digits or dashes; absent where none was asked for.
  package let nationalID: Masked<String>?

  package init(
    givenName: String, familyName: String, email: String, phone: String, address: PostalAddress,
    birthDate: String, nationalID: String? = nil
  ) {
    self.givenName = Masked(givenName)
    self.familyName = Masked(familyName)
    self.email = Masked(email)
    self.phone = Masked(phone)
    self.address = Masked(address)
    self.birthDate = Masked(birthDate)
    self.nationalID = nationalID.map { Masked($0) }
  }

  fileprivate enum Field: String, CodingKey {
    case id, email, phone, address
    case givenName = "given_name"
    case familyName = "family_name"
    case birthDate = "birth_date"
    case nationalID = "national_id"
  }

  fileprivate init(from fields: KeyedDecodingContainer<Field>) throws {
    givenName = try fields.decode(Masked<String>.self, forKey: .givenName)
    familyName = try fields.decode(Masked<String>.self, forKey: .familyName)
    email = try fields.decode(Masked<String>.self, forKey: .email)
    phone = try fields.decode(Masked<String>.self, forKey: .phone)
    address = try fields.decode(Masked<PostalAddress>.self, forKey: .address)
    birthDate = try fields.decode(Masked<String>.self, forKey: .birthDate)
    nationalID = try fields.decodeIfPresent(Masked<String>.self, forKey: .nationalID)
  }

  fileprivate func encode(
    to fields: inout KeyedEncodingContainer<Field>, for purpose: DisclosurePurpose
  ) throws {
    try fields.encode(givenName.reveal(for: purpose), forKey: .givenName)
    try fields.encode(familyName.reveal(for: purpose), forKey: .familyName)
    try fields.encode(email.reveal(for: purpose), forKey: .email)
    try fields.encode(phone.reveal(for: purpose), forKey: .phone)
    try fields.encode(address.reveal(for: purpose), forKey: .address)
    try fields.encode(birthDate.reveal(for: purpose), forKey: .birthDate)
    try fields.encodeIfPresent(nationalID?.reveal(for: purpose), forKey: .nationalID)
  }
}

/// The body of `createCustomer`: flat on the wire, id and details side by side.
package struct NewCustomer: Codable, Sendable, Hashable {
  /// The opaque reference under which every other service knows this person; also the key that makes a retry safe.
  package let id: PersonID
  package let details: PersonalDetails

  package init(id: PersonID, details: PersonalDetails) {
    self.id = id
    self.details = details
  }
  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: PersonalDetails.Field.self)
    id = try fields.decode(PersonID.self, forKey: .id)
    details = try PersonalDetails(from: fields)
  }
  /// Only the way to the service that seals it.
  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: PersonalDetails.Field.self)
    try fields.encode(id, forKey: .id)
    try details.encode(to: &fields, for: .sealing)
  }
}

/// The answer to `createCustomer`: nothing personal comes back.
package struct CustomerReceipt: SnakeCased, Codable, Sendable, Hashable {
  package let id: PersonID
  package let createdAt: Instant

  package init(id: PersonID, createdAt: Instant) {
    self.id = id
    self.createdAt = createdAt
  }
}

/// The answer to `getCustomer`.
package struct CustomerName: Codable, Sendable, Hashable {
  package let id: PersonID
  package let givenName: Masked<String>
  package let familyName: Masked<String>

  package init(id: PersonID, givenName: Masked<String>, familyName: Masked<String>) {
    self.id = id
    self.givenName = givenName
    self.familyName = familyName
  }
  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: PersonalDetails.Field.self)
    id = try fields.decode(PersonID.self, forKey: .id)
    givenName = try fields.decode(Masked<String>.self, forKey: .givenName)
    familyName = try fields.decode(Masked<String>.self, forKey: .familyName)
  }
  /// The name is shown to the person it belongs to.
  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: PersonalDetails.Field.self)
    try fields.encode(id, forKey: .id)
    try fields.encode(givenName.reveal(for: .subjectAccess), forKey: .givenName)
    try fields.encode(familyName.reveal(for: .subjectAccess), forKey: .familyName)
  }
}

/// The answer to `getClaims`. Which of it the application sees is for identity, which knows what was allowed.
package struct CustomerClaims: Codable, Sendable, Hashable {
  package let givenName: Masked<String>
  package let familyName: Masked<String>
  /// `YYYY-MM-DD`.
  package let birthDate: Masked<String>
  package let email: Masked<String>

  package init(
    givenName: Masked<String>, familyName: Masked<String>, birthDate: Masked<String>,
    email: Masked<String>
  ) {
    self.givenName = givenName
    self.familyName = familyName
    self.birthDate = birthDate
    self.email = email
  }
  private enum CodingKeys: String, CodingKey {
    case email
    case givenName = "given_name"
    case familyName = "family_name"
    case birthDate = "birth_date"
  }
  /// They are shown to whom the person they belong to chose.
  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(givenName.reveal(for: .subjectAccess), forKey: .givenName)
    try fields.encode(familyName.reveal(for: .subjectAccess), forKey: .familyName)
    try fields.encode(birthDate.reveal(for: .subjectAccess), forKey: .birthDate)
    try fields.encode(email.reveal(for: .subjectAccess), forKey: .email)
  }
}

/// The answer to `getMe`.
package struct CustomerRecord: Codable, Sendable, Hashable {
  package let id: PersonID
  package let details: PersonalDetails

  package init(id: PersonID, details: PersonalDetails) {
    self.id = id
    self.details = details
  }
  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: PersonalDetails.Field.self)
    id = try fields.decode(PersonID.self, forKey: .id)
    details = try PersonalDetails(from: fields)
  }
  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: PersonalDetails.Field.self)
    try fields.encode(id, forKey: .id)
    try details.encode(to: &fields, for: .subjectAccess)
  }
}
