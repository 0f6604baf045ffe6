/// A certificate (RFC 5280), read as far as Go's `x509.ParseCertificate` reads it.
struct ParsedCertificate {
  let subject: ArraySlice<UInt8>
  let issuer: ArraySlice<UInt8>
  let key: PublicKeyField
  /// Seconds since 1970.
  let validity: ClosedRange<Int>
  let extensions: ExtensionFields
  private let signed: ArraySlice<UInt8>
  private let signature: ArraySlice<UInt8>
  private let signatureAlgorithm: Int
  /// Version 1 is 1.
  let version: Int
  /// The members of Go's `x509.Certificate`, with `URIStrings`.
  let value: Value

  /// Most certificates of one text.
  static let certificatesMax = 100

  static let malformed = BuiltinFailure.bare("x509: malformed certificate")

  /// - Throws: `BuiltinFailure`.
  static func all(der bytes: [UInt8]) throws -> [ParsedCertificate] {
    var certificates: [ParsedCertificate] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      guard certificates.count < certificatesMax, let element = DERElement(first: rest),
        let certificate = ParsedCertificate(element)
      else { throw malformed }
      certificates.append(certificate)
      rest = rest[element.bytes.endIndex...]
    }
    return certificates
  }

  /// From PEM, or base64 of PEM or DER.
  /// - Throws: `BuiltinFailure`.
  static func all(in text: String) throws -> [ParsedCertificate] {
    if text.hasPrefix("-----BEGIN") { return try all(der: pem(text)) }
    let bytes = try Base64.decode(text, .standard)
    guard bytes.starts(with: "-----BEGIN".utf8) else { return try all(der: bytes) }
    return try all(der: pem(String(decoding: bytes, as: UTF8.self)))
  }

  private static func pem(_ text: String) throws -> [UInt8] {
    try PEMBlock.all(in: text).flatMap { block in
      guard block.type == "CERTIFICATE" else {
        throw BuiltinFailure.bare("PEM block type is '\(block.type)', expected CERTIFICATE")
      }
      return block.bytes
    }
  }

  private init?(_ element: DERElement) {
    guard let parts = element.sequence(), parts.count == 3, var fields = parts[0].sequence(),
      let signature = parts[2].bits, !fields.isEmpty
    else { return nil }
    var version = 1
    if fields[0].tag == 0xa0 {
      guard let number = fields[0].children?.first?.integer?.int64, (0...2).contains(number) else {
        return nil
      }
      version = Int(number) + 1
      fields.removeFirst()
    }
    guard fields.count >= 6, let serial = fields[0].integer,
      let times = fields[3].sequence()?.compactMap(\.seconds), times.count == 2,
      times[0] <= times[1], let subject = CertificateNames.distinguished(fields[4]),
      let issuer = CertificateNames.distinguished(fields[2]), let key = PublicKeyField(fields[5])
    else { return nil }
    let listed = fields.dropFirst(6).first { $0.tag == 0xa3 }?.children?.first
    guard let extensions = ExtensionFields(listed) else { return nil }
    self.version = version
    self.signature = signature.bytes
    signatureAlgorithm = PublicKeyField.signatureAlgorithm(parts[1])
    self.key = key
    self.extensions = extensions
    signed = parts[0].bytes
    self.subject = fields[4].bytes
    self.issuer = fields[2].bytes
    validity = times[0]...times[1]
    var members = extensions.members
    let own: [String: Value] = [
      "Raw": .base64(element.bytes), "RawTBSCertificate": .base64(signed),
      "RawSubjectPublicKeyInfo": .base64(fields[5].bytes),
      "RawSubject": .base64(fields[4].bytes), "RawIssuer": .base64(fields[2].bytes),
      "Signature": .base64(signature.bytes),
      "SignatureAlgorithm": .integer(signatureAlgorithm),
      "PublicKeyAlgorithm": .integer(key.algorithm), "PublicKey": key.value,
      "Version": .integer(version), "SerialNumber": .number(Number(serial)), "Issuer": issuer,
      "Subject": subject, "NotBefore": Self.moment(times[0]), "NotAfter": Self.moment(times[1]),
      "URIStrings": .texts(extensions.names.uris),
    ]
    members.merge(own, uniquingKeysWith: { $1 })
    value = .object(ObjectValue(named: members))
  }

  /// As Go's JSON shows a moment.
  private static func moment(_ seconds: Int) -> Value {
    let (days, rest) = CivilTime.floorDivide(seconds, 86_400)
    var time = CivilTime(daysSince1970: days)
    (time.hour, time.minute, time.second) = (rest / 3_600, rest / 60 % 60, rest % 60)
    return .string(TimeLayout("2006-01-02T15:04:05Z07:00").format(time))
  }

  /// What `parse_and_verify_certificates_with_options` gives, which has no `URIStrings`.
  var plainValue: Value {
    guard case .object(var object) = value else { return value }
    object[.string("URIStrings")] = nil
    return .object(object)
  }

  func isSigned(by other: ParsedCertificate) -> Bool {
    other.key.verifies(signature, of: signed, algorithm: signatureAlgorithm)
  }
}
