/// Names in certificates, as Go's `pkix.Name` and `x509.Certificate` show them.
enum CertificateNames {
  /// Which member an attribute fills, by the last component of its identifier 2.5.4.x.
  private static let lists: [Int: String] = [
    6: "Country", 7: "Locality", 8: "Province", 9: "StreetAddress", 10: "Organization",
    11: "OrganizationalUnit", 17: "PostalCode",
  ]

  /// A distinguished name (RFC 5280 §4.1.2.4); nil where it is none.
  static func distinguished(_ element: DERElement) -> Value? {
    guard let parts = element.sequence() else { return nil }
    var members: [String: Value] = [
      "CommonName": .string(""), "SerialNumber": .string(""), "ExtraNames": .null,
    ]
    for name in lists.values { members[name] = .null }
    var names: [Value] = []
    for part in parts {
      guard part.tag == DERElement.Tag.set, let attributes = part.children else { return nil }
      for attribute in attributes {
        guard let pair = attribute.sequence(), pair.count == 2, let type = pair[0].identifier else {
          return nil
        }
        let value = any(pair[1])
        names.append(
          .object(ObjectValue(named: ["Type": .integers(type), "Value": value])))
        guard type.count == 4, type.starts(with: [2, 5, 4]), case .string = value else { continue }
        switch type[3] {
        case 3: members["CommonName"] = value
        case 5: members["SerialNumber"] = value
        default:
          guard let list = lists[type[3]] else { continue }
          if case .array(let present)? = members[list] {
            members[list] = .array(present + [value])
          } else {
            members[list] = .array([value])
          }
        }
      }
    }
    members["Names"] = names.isEmpty ? .null : .array(names)
    return .object(ObjectValue(named: members))
  }

  /// What Go's `any` holds after reading an element.
  static func any(_ element: DERElement) -> Value {
    if let text = element.text { return .string(text) }
    if let flag = element.boolean { return .bool(flag) }
    if let number = element.integer { return .number(Number(number)) }
    if let parts = element.identifier { return .integers(parts) }
    if element.tag == DERElement.Tag.octets { return .base64(element.content) }
    return .null
  }

  /// The names of a GeneralNames sequence (RFC 5280 §4.2.1.6).
  struct Alternatives {
    private(set) var dns: [String] = []
    private(set) var mails: [String] = []
    private(set) var addresses: [[UInt8]] = []
    private(set) var uris: [String] = []

    init() {}

    init?(_ content: ArraySlice<UInt8>) {
      guard let elements = DERElement(first: content)?.sequence() else { return nil }
      for element in elements {
        switch element.tag {
        case 0x81: mails.append(String(decoding: element.content, as: UTF8.self))
        case 0x82: dns.append(String(decoding: element.content, as: UTF8.self))
        case 0x86: uris.append(String(decoding: element.content, as: UTF8.self))
        case 0x87:
          guard [4, 16].contains(element.content.count) else { return nil }
          addresses.append(Array(element.content))
        default: continue
        }
      }
    }

    /// As members of a certificate or request.
    var members: [String: Value] {
      [
        "DNSNames": .texts(dns), "EmailAddresses": .texts(mails),
        "IPAddresses": addresses.isEmpty
          ? .null : .array(addresses.map { .string(AddressBlock.text($0)) }),
        "URIs": uris.isEmpty ? .null : .array(uris.map(CertificateNames.uri)),
      ]
    }
  }

  /// The members of Go's `url.URL`.
  private static func uri(_ text: String) -> Value {
    var rest = Substring(text)
    func cut(_ mark: Character) -> String {
      guard let place = rest.firstIndex(of: mark) else { return "" }
      defer { rest = rest[..<place] }
      return String(rest[rest.index(after: place)...])
    }
    let fragment = cut("#")
    let hasQuery = rest.contains("?")
    let query = cut("?")
    var (scheme, host, opaque) = ("", "", "")
    if let colon = rest.firstIndex(of: ":") {
      scheme = rest[..<colon].lowercased()
      rest = rest[rest.index(after: colon)...]
    }
    if rest.hasPrefix("//") {
      rest = rest.dropFirst(2)
      let end = rest.firstIndex(of: "/") ?? rest.endIndex
      host = String(rest[..<end])
      rest = rest[end...]
    } else if !scheme.isEmpty, !rest.hasPrefix("/") {
      opaque = String(rest)
      rest = ""
    }
    return .object(
      ObjectValue(named: [
        "Scheme": .string(scheme), "Opaque": .string(opaque), "User": .null,
        "Host": .string(host), "Path": .string(String(rest)), "RawPath": .string(""),
        "OmitHost": .bool(false), "ForceQuery": .bool(hasQuery && query.isEmpty),
        "RawQuery": .string(query), "Fragment": .string(fragment), "RawFragment": .string(""),
      ]))
  }
}

extension ObjectValue {
  init(named members: [String: Value]) {
    self.init(members.map { (Value.string($0.key), $0.value) })
  }
}

extension Value {
  static func integers(_ numbers: [Int]) -> Value { .array(numbers.map(Value.integer)) }

  /// Null where there are none, as Go shows a list that was never made.
  static func texts(_ texts: [String]) -> Value {
    texts.isEmpty ? .null : .array(texts.map(Value.string))
  }

  /// Bytes as Go's JSON shows them.
  static func base64(_ bytes: some Sequence<UInt8>) -> Value {
    .string(Base64.encode(bytes, .standard, padded: true))
  }
}
