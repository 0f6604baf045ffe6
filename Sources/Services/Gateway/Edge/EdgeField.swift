/// The only request fields the gateway reads. A field that is not named here is checked for syntax,
/// counted, and never becomes a value: so nothing of it can reach a service. That is how
/// `correlation-id`, `txn-token`, `traceparent`, `forwarded`, `x-forwarded-*` and
/// `request-timeout-ms` from outside are removed.
package enum EdgeField: UInt8, CaseIterable, Sendable, Hashable {
  case host, contentLength, transferEncoding, connection, expect, contentEncoding
  case contentType, accept, authorization, cookie, idempotencyKey, userAgent, origin, secFetchSite
  case accessControlRequestMethod
  case ifNoneMatch

  /// Lower case, as on the wire.
  package var name: String {
    switch self {
    case .host: "host"
    case .contentLength: "content-length"
    case .transferEncoding: "transfer-encoding"
    case .connection: "connection"
    case .expect: "expect"
    case .contentEncoding: "content-encoding"
    case .contentType: "content-type"
    case .accept: "accept"
    case .authorization: "authorization"
    case .cookie: "cookie"
    case .idempotencyKey: "idempotency-key"
    case .userAgent: "user-agent"
    case .origin: "origin"
    case .secFetchSite: "sec-fetch-site"
    case .accessControlRequestMethod: "access-control-request-method"
    case .ifNoneMatch: "if-none-match"
    }
  }

  /// Lists may come in several lines (RFC 9110 §5.3); everything else at most once.
  var isList: Bool { [.accept, .connection, .ifNoneMatch].contains(self) }

  /// The field of a name in any case; nil for one that is not read here.
  static func named(_ name: UnsafeRawBufferPointer) -> EdgeField? {
    guard name.count < byLength.count else { return nil }
    candidates: for candidate in byLength[name.count] {
      for index in 0..<name.count where candidate.bytes[index] != lowercase(name[index]) {
        continue candidates
      }
      return candidate.field
    }
    return nil
  }

  private struct Candidate {
    let bytes: [UInt8]
    let field: EdgeField
  }
  private static let byLength: [[Candidate]] = {
    var table = [[Candidate]](repeating: [], count: 32)
    for field in EdgeField.allCases {
      table[field.name.utf8.count].append(Candidate(bytes: Array(field.name.utf8), field: field))
    }
    return table
  }()
}

/// ASCII only.
@inline(__always)
func lowercase(_ byte: UInt8) -> UInt8 { (65...90).contains(byte) ? byte | 0x20 : byte }
