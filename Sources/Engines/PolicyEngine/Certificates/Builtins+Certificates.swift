extension Builtins {
  /// Steps that reading or checking one certificate counts as.
  private static let certificateSteps = 5_000

  private static let unverified = Value.array([.bool(false), .array([])])

  static let certificates: [Builtin] = [
    Builtin("crypto.x509.parse_certificates", 1) { context, values in
      let text = try Arguments(values).string(0)
      try context.charge(text.utf8.count)
      return .array(try ParsedCertificate.all(in: text).map(\.value))
    },
    Builtin("crypto.x509.parse_and_verify_certificates", 1) { context, values in
      let options = CertificateChain.Options(
        seconds: CivilTime.floorDivide(Int(context.nanoseconds), 1_000_000_000).0)
      guard let chain = try verified(try Arguments(values).string(0), options, &context) else {
        return unverified
      }
      return .array([.bool(true), .array(chain.map(\.value))])
    },
    Builtin("crypto.x509.parse_and_verify_certificates_with_options", 2) { context, values in
      let arguments = Arguments(values)
      let text = try arguments.string(0)
      let options = try chainOptions(try arguments.object(1), context)
      guard let chain = try verified(text, options, &context) else { return unverified }
      return .array([.bool(true), .array(chain.map(\.plainValue))])
    },
    Builtin("crypto.x509.parse_certificate_request", 1) { context, values in
      let text = try Arguments(values).string(0)
      try context.charge(text.utf8.count)
      return try certificateRequest(text)
    },
    Builtin("crypto.x509.parse_keypair", 2) { context, values in
      let arguments = Arguments(values)
      let (certificate, key) = (try arguments.string(0), try arguments.string(1))
      try context.charge(certificate.utf8.count + key.utf8.count + certificateSteps)
      return try keyPair(certificate, key)
    },
    Builtin("crypto.x509.parse_rsa_private_key", 1) { context, values in
      let text = try Arguments(values).string(0)
      try context.charge(text.utf8.count + certificateSteps)
      guard !text.isEmpty else { throw BuiltinFailure.bare("input PEM data was empty") }
      if !text.hasPrefix("-----BEGIN") { _ = try Base64.decode(text, .standard) }
      return try PrivateKeyFields.all(in: text).first?.jwk ?? .null
    },
    Builtin("crypto.parse_private_keys", 1) { context, values in
      let text = try Arguments(values).string(0)
      try context.charge(text.utf8.count + certificateSteps)
      guard !text.isEmpty else { return .null }
      return .array(try PrivateKeyFields.all(in: text).map(\.value))
    },
  ]

  private static func verified(
    _ text: String, _ options: CertificateChain.Options, _ context: inout BuiltinContext
  ) throws -> [ParsedCertificate]? {
    try context.charge(text.utf8.count)
    guard let certificates = try? ParsedCertificate.all(in: text) else { return nil }
    try context.charge(certificateSteps * (certificates.count + 1))
    return CertificateChain.verified(certificates, options)
  }

  private static let purposes = [
    "Any", "ServerAuth", "ClientAuth", "CodeSigning", "EmailProtection", "IPSECEndSystem",
    "IPSECTunnel", "IPSECUser", "TimeStamping", "OCSPSigning", "MicrosoftServerGatedCrypto",
    "NetscapeServerGatedCrypto", "MicrosoftCommercialCodeSigning", "MicrosoftKernelCodeSigning",
  ]

  private static func chainOptions(_ object: ObjectValue, _ context: BuiltinContext) throws
    -> CertificateChain.Options
  {
    func seconds(_ nanoseconds: Int64) -> Int {
      CivilTime.floorDivide(Int(nanoseconds), 1_000_000_000).0
    }
    var options = CertificateChain.Options(seconds: seconds(context.nanoseconds))
    for member in object.members {
      guard case .string(let name) = member.key else { continue }
      switch (name, member.value) {
      case ("DNSName", .string(let text)):
        options.name = text.isEmpty ? nil : text
      case ("DNSName", _): throw BuiltinFailure.bare("'DNSName' should be a string")
      case ("CurrentTime", .number(let number)):
        guard let nanoseconds = number.int64 else {
          throw BuiltinFailure.bare("'CurrentTime' should be a valid int64 number")
        }
        options.seconds = seconds(nanoseconds)
      case ("CurrentTime", _): throw BuiltinFailure.bare("'CurrentTime' should be a number")
      case ("MaxConstraintComparisons", .number(let number)):
        guard number.int != nil else {
          throw BuiltinFailure.bare("'MaxConstraintComparisons' should be a valid number")
        }
      case ("MaxConstraintComparisons", _):
        throw BuiltinFailure.bare("'MaxConstraintComparisons' should be a number")
      case ("KeyUsages", .array(let elements)): try set(&options.purposes, elements)
      case ("KeyUsages", .set(let set)): try Self.set(&options.purposes, set.members)
      case ("KeyUsages", _): throw BuiltinFailure.bare("'KeyUsages' should be an Array or Set")
      default: throw BuiltinFailure.bare("invalid key option")
      }
    }
    return options
  }

  private static func set(_ purposes: inout [Int], _ names: [Value]) throws {
    var numbers: [Int] = []
    var unknown: [String] = []
    for case .string(let name) in names {
      if name.hasPrefix("KeyUsage"),
        let number = Self.purposes.firstIndex(of: String(name.dropFirst(8)))
      {
        numbers.append(number)
      } else {
        unknown.append(name)
      }
    }
    guard unknown.isEmpty else {
      throw BuiltinFailure.bare(
        "invalid entries for 'KeyUsages' found: [\(unknown.joined(separator: " "))]")
    }
    if !numbers.isEmpty { purposes = numbers }
  }

  /// RFC 2986, with the members of Go's `x509.CertificateRequest`.
  private static func certificateRequest(_ text: String) throws -> Value {
    var bytes = Array(text.utf8)
    if !text.hasPrefix("-----BEGIN CERTIFICATE REQUEST-----") {
      bytes = try Base64.decode(text, .standard)
    }
    if let block = PEMBlock.all(in: String(decoding: bytes, as: UTF8.self)).first {
      guard block.type == "CERTIFICATE REQUEST" else {
        throw BuiltinFailure.bare("invalid PEM-encoded certificate signing request")
      }
      bytes = block.bytes
    }
    if let first = bytes.first, first != DERElement.Tag.sequence {
      throw BuiltinFailure.bare("asn1: structure error: tags don't match")
    }
    guard let element = DERElement(first: bytes[...]), let parts = element.sequence(),
      parts.count == 3, let fields = parts[0].sequence(), fields.count >= 3,
      let version = fields[0].integer?.int64, let signature = parts[2].bits,
      let subject = CertificateNames.distinguished(fields[1]),
      let key = PublicKeyField(fields[2])
    else { throw BuiltinFailure.bare("asn1: syntax error: data truncated") }
    guard element.bytes.count == bytes.count else {
      throw BuiltinFailure.bare("asn1: syntax error: trailing data")
    }
    let attributes: [DERElement] =
      fields.dropFirst(3).first(where: { $0.tag == 0xa0 })?.children ?? []
    let wanted = attributes.first(where: {
      $0.sequence()?.first?.identifier == [1, 2, 840, 113_549, 1, 9, 14]
    })
    let requested = wanted?.sequence()?.dropFirst().first?.children?.first
    guard let extensions = ExtensionFields(requested) else {
      throw ParsedCertificate.malformed
    }
    var members: [String: Value] = extensions.names.members
    let own: [String: Value] = [
      "Raw": .base64(bytes), "RawTBSCertificateRequest": .base64(parts[0].bytes),
      "RawSubjectPublicKeyInfo": .base64(fields[2].bytes),
      "RawSubject": .base64(fields[1].bytes), "Version": .number(Number(version)),
      "Signature": .base64(signature.bytes),
      "SignatureAlgorithm": .integer(PublicKeyField.signatureAlgorithm(parts[1])),
      "PublicKeyAlgorithm": .integer(key.algorithm), "PublicKey": key.value, "Subject": subject,
      "Attributes": Self.attributes(attributes),
      "Extensions": extensions.members["Extensions"] ?? .null, "ExtraExtensions": .null,
    ]
    members.merge(own, uniquingKeysWith: { $1 })
    return .object(ObjectValue(named: members))
  }

  /// Those that are sets of sequences of pairs; Go leaves the others out.
  private static func attributes(_ elements: [DERElement]) -> Value {
    let known = elements.compactMap { element -> Value? in
      guard let parts = element.sequence(), parts.count == 2, let type = parts[0].identifier,
        parts[1].tag == DERElement.Tag.set, let sets = parts[1].children
      else { return nil }
      var groups: [Value] = []
      for set in sets {
        guard let pairs = set.sequence() else { return nil }
        var group: [Value] = []
        for pair in pairs {
          guard let parts = pair.sequence(), parts.count >= 2, let type = parts[0].identifier else {
            return nil
          }
          group.append(
            .object(
              ObjectValue(named: [
                "Type": .integers(type), "Value": CertificateNames.any(parts[1]),
              ])))
        }
        groups.append(.array(group))
      }
      return .object(ObjectValue(named: ["Type": .integers(type), "Value": .array(groups)]))
    }
    return known.isEmpty ? .null : .array(known)
  }

  /// The members of Go's `tls.Certificate`.
  private static func keyPair(_ certificate: String, _ key: String) throws -> Value {
    func decoded(_ text: String, _ type: String) throws -> [PEMBlock] {
      if text.hasPrefix("-----BEGIN ") { return PEMBlock.all(in: text) }
      let bytes = try Base64.decode(text, .standard)
      guard bytes.starts(with: "-----BEGIN ".utf8) else {
        return [PEMBlock(type: type, bytes: bytes)]
      }
      return PEMBlock.all(in: String(decoding: bytes, as: UTF8.self))
    }
    let certificates = try decoded(certificate, "CERTIFICATE").filter { $0.type == "CERTIFICATE" }
    guard let first = certificates.first else {
      throw BuiltinFailure.bare("tls: failed to find any PEM data in certificate input")
    }
    let keys = try decoded(key, "PRIVATE KEY").filter {
      $0.type == "PRIVATE KEY" || $0.type.hasSuffix(" PRIVATE KEY")
    }
    guard let block = keys.first, let secret = try PrivateKeyFields.key(block) else {
      throw BuiltinFailure.bare("tls: failed to find any PEM data in key input")
    }
    guard let leaf = try ParsedCertificate.all(der: first.bytes).first else {
      throw ParsedCertificate.malformed
    }
    guard leaf.key.value == secret.publicValue else {
      throw BuiltinFailure.bare("tls: private key does not match public key")
    }
    return .object(
      ObjectValue(named: [
        "Certificate": .array(certificates.map { .base64($0.bytes) }), "PrivateKey": secret.value,
        "SupportedSignatureAlgorithms": .null, "OCSPStaple": .null,
        "SignedCertificateTimestamps": .null, "Leaf": leaf.plainValue,
      ]))
  }
}
