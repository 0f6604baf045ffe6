import PolicyEngine
import Testing

@Suite struct `Certificates` {
  private func value(_ query: String, at seconds: Int64 = 1_800_000_000) throws -> String? {
    let members = [
      ("root", Self.root), ("middle", Self.middle), ("leaf", Self.leaf), ("request", Self.request),
      ("key", Self.key),
    ].map { (Value.string($0.0), Value.string($0.1)) }
    let policy = try CompiledPolicy.compile([])
    let input = EvaluationInput(
      input: .object(ObjectValue(members)), nanoseconds: seconds * 1_000_000_000, isStrict: true)
    return try policy.evaluate("x := \(query)", input).bindings.first?["x"]?.regoText
  }

  private static let chain = "concat(\"\\n\", [input.root, input.middle, input.leaf])"

  @Test(
    arguments: [
      ("Subject.CommonName", "\"leaf\""), ("Subject.Organization", #"["X", "Y"]"#),
      ("Issuer.CommonName", "\"Int\""), ("DNSNames", #"["a.example.com", "*.b.example.com"]"#),
      ("IPAddresses", #"["10.0.0.1", "2001:db8::1"]"#),
      ("URIStrings", #"["spiffe://x/y?q=1"]"#), ("NotAfter", "\"2027-11-22T04:36:05Z\""),
      ("ExtKeyUsage", "[1]"), ("PublicKeyAlgorithm", "4"), ("SignatureAlgorithm", "4"),
      ("IsCA", "false"), ("SerialNumber", "237814283622550918054549719197615131714073140264"),
    ])
  func `have the members of Go's structure`(_ member: String, _ wanted: String) throws {
    #expect(try value("crypto.x509.parse_certificates(input.leaf)[0].\(member)") == wanted)
  }

  @Test func `are verified from the root, which comes first, to the leaf`() throws {
    let verify = "crypto.x509.parse_and_verify_certificates(\(Self.chain))"
    #expect(
      try value("[c.Subject.CommonName | some c in \(verify)[1]]") == #"["leaf", "Int", "Root"]"#)
    #expect(try value("\(verify)[0]", at: 1_700_000_000) == "false")
    #expect(
      try value(
        "crypto.x509.parse_and_verify_certificates(concat(\"\\n\", [input.root, input.leaf]))"
      ) == "[false, []]")
  }

  @Test(
    arguments: [
      (#"{"DNSName": "x.b.example.com"}"#, "true"), (#"{"DNSName": "10.0.0.1"}"#, "true"),
      (#"{"DNSName": "b.example.com"}"#, "false"), (#"{"CurrentTime": 0}"#, "false"),
      (#"{"KeyUsages": ["KeyUsageClientAuth"]}"#, "false"),
      (#"{"KeyUsages": ["KeyUsageAny"]}"#, "true"),
    ])
  func `are verified for a name, a time and a purpose`(_ options: String, _ wanted: String) throws {
    let verify = "crypto.x509.parse_and_verify_certificates_with_options"
    #expect(try value("\(verify)(\(Self.chain), \(options))[0]") == wanted)
  }

  @Test func `are asked for by requests, and belong to keys`() throws {
    #expect(
      try value("crypto.x509.parse_certificate_request(input.request).DNSNames")
        == #"["a.example.com", "*.b.example.com"]"#)
    #expect(
      try value("count(crypto.x509.parse_keypair(input.leaf, input.key).Certificate)") == "1")
    #expect(throws: PolicyError.self) {
      try value("crypto.x509.parse_keypair(input.root, input.key)")
    }
  }

  // Made by OpenSSL 3.0.17 for these tests; the keys are used nowhere.
  private static let root = """
    -----BEGIN CERTIFICATE-----
    MIIBnDCCAUGgAwIBAgIUM7WZMUtBzzANI/yJlO60xLox7U0wCgYIKoZIzj0EAwIw
    GzENMAsGA1UEAwwEUm9vdDEKMAgGA1UECgwBQTAeFw0yNjExMjIwNDM2MDVaFw0z
    NjExMTkwNDM2MDVaMBsxDTALBgNVBAMMBFJvb3QxCjAIBgNVBAoMAUEwWTATBgcq
    hkjOPQIBBggqhkjOPQMBBwNCAATZAYxQDpXCyppH78A3AFMjunfPWxWle0JEaiV3
    Ixs5YfVmHQz8Q3iCc2J6I4JyZ/aL92lxwZvclhyvwst2Qa/Do2MwYTAdBgNVHQ4E
    FgQUksEVGcArnZK8Sg4bn26OrvqA+7IwHwYDVR0jBBgwFoAUksEVGcArnZK8Sg4b
    n26OrvqA+7IwDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAgQwCgYIKoZI
    zj0EAwIDSQAwRgIhAJxqwwMdotb6C82/fjxrelwfnGllEa4xxiXxAbpqVXmMAiEA
    xDME0ucI9oFxDnAgFKt+e/j8dQ5DPu8olUw8cVHmmVM=
    -----END CERTIFICATE-----
    """
  private static let middle = """
    -----BEGIN CERTIFICATE-----
    MIICdDCCAhugAwIBAgIUB1KSqr726qhya7AG2gYjjJ0e5MgwCgYIKoZIzj0EAwIw
    GzENMAsGA1UEAwwEUm9vdDEKMAgGA1UECgwBQTAeFw0yNjExMjIwNDM2MDVaFw0z
    NjExMTkwNDM2MDVaMA4xDDAKBgNVBAMMA0ludDCCASIwDQYJKoZIhvcNAQEBBQAD
    ggEPADCCAQoCggEBAL2iJIUoS+O8ArYqoIs9DE+XL+Uh1MaJmQ0MDuAEXAhg09eg
    A0VEqDuUPL13Zu+IVS32o6idd75T6tkmO+9QgW5pK+KzIj2ze56lw0+h201HWFpA
    qBziCeb8iriw+8AqV1DA1C0jBePJ2+dICif2rFgO5DDRQyXhXtFyHjxAaXG+T1Gj
    vNV0sYQlRAknvmlpRajjtL6uC04u8lBx83b77Y/CYBPddSCqmfJzwIggoHyMIyo7
    WuQXlkGWCGJDfitG392A12da+o63B2DVw+fD0tqev9uN5PZdZm6gOBXTgLmkO2JM
    ZDkCAf+2nGWlsWKCvnlP8fwSQOjhj5VQhq8owOcCAwEAAaN/MH0wEgYDVR0TAQH/
    BAgwBgEB/wIBADALBgNVHQ8EBAMCAgQwGgYDVR0eBBMwEaAPMA2CC2V4YW1wbGUu
    Y29tMB0GA1UdDgQWBBSpWn24ZXyjAdCqMbzG+7W8UV2SgTAfBgNVHSMEGDAWgBSS
    wRUZwCudkrxKDhufbo6u+oD7sjAKBggqhkjOPQQDAgNHADBEAiAtjH7TlutqZngf
    OFMI1C0tp65C5Tr4bLw5aoXQjz96NwIgXXs68LUXvIjNkQT2CGY0xfVJGtJgc/7+
    8mAYbAxpaEc=
    -----END CERTIFICATE-----
    """
  private static let leaf = """
    -----BEGIN CERTIFICATE-----
    MIIChDCCAWygAwIBAgIUKaf2F1ue+3zRwVkeG7h+VbO8HCgwDQYJKoZIhvcNAQEL
    BQAwDjEMMAoGA1UEAwwDSW50MB4XDTI2MTEyMjA0MzYwNVoXDTI3MTEyMjA0MzYw
    NVowNDELMAkGA1UEBhMCREUxCjAIBgNVBAoMAVgxCjAIBgNVBAoMAVkxDTALBgNV
    BAMMBGxlYWYwKjAFBgMrZXADIQAKGXIhw1YIM1+pR20nk96QvY0fkYurIJI4tv4l
    NgG6iaOBrTCBqjBTBgNVHREETDBKgg1hLmV4YW1wbGUuY29tgg8qLmIuZXhhbXBs
    ZS5jb22HBAoAAAGHECABDbgAAAAAAAAAAAAAAAGGEHNwaWZmZTovL3gveT9xPTEw
    EwYDVR0lBAwwCgYIKwYBBQUHAwEwHQYDVR0OBBYEFNLPIHzpBixQjQBhn/JbBTPH
    hVskMB8GA1UdIwQYMBaAFKlafbhlfKMB0KoxvMb7tbxRXZKBMA0GCSqGSIb3DQEB
    CwUAA4IBAQCrJk0x2IZXOZgHrKbyFTIT4iisvJsM1IDPCOJ0oiyEHjdhDJIVdhgE
    U7VDj0BFnT5/6rt6zdmih5Xs0n1eMjPkI3DqcjaMCmGczlDJyWArwSo48WnlAG90
    QnUz9FP28SSdazqKxiu9fo2h3dVVRV+jWN3oNCue/6PyO54cIWrEos6IVJ+Yo1tN
    FqtAga7MHL942a5S9uDn+poWCdMUq0QobveKBgDJJSDZ93qZCY9TY7bqDnga78uo
    uwQmyrx1LBsAexmo1aBGwEtRvl0BnOapiuwnbHf2yi7WGaSS2ZGqPwIE3sYenuLz
    xiNuMD1NdjVezopPQJRTpNGpUuhHRPii
    -----END CERTIFICATE-----
    """
  private static let request = """
    -----BEGIN CERTIFICATE REQUEST-----
    MIIBLzCB4gIBADA0MQswCQYDVQQGEwJERTEKMAgGA1UECgwBWDEKMAgGA1UECgwB
    WTENMAsGA1UEAwwEbGVhZjAqMAUGAytlcAMhAAoZciHDVggzX6lHbSeT3pC9jR+R
    i6sgkji2/iU2AbqJoHsweQYJKoZIhvcNAQkOMWwwajBTBgNVHREETDBKgg1hLmV4
    YW1wbGUuY29tgg8qLmIuZXhhbXBsZS5jb22HBAoAAAGHECABDbgAAAAAAAAAAAAA
    AAGGEHNwaWZmZTovL3gveT9xPTEwEwYDVR0lBAwwCgYIKwYBBQUHAwEwBQYDK2Vw
    A0EAn/YQb6Yf3Z9sdqGQj+LFX/2uf1b8Yy345n5n7ey5x+lt0cR+k0tLmg2KpRJs
    EbzVjdcjxtFWEtOfSwr9xoNHAw==
    -----END CERTIFICATE REQUEST-----
    """
  private static let key = """
    -----BEGIN PRIVATE KEY-----
    MC4CAQAwBQYDK2VwBCIEIEqGeS8eh5VfOzq9zN32Q9pDitzQj/QAUNiEuUgYXTmU
    -----END PRIVATE KEY-----
    """
}
