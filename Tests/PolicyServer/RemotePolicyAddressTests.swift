import PolicyClient
import Testing

@Suite struct `The address of a policy server` {
  @Test(
    arguments: [
      ("http://127.0.0.1:8181", "127.0.0.1", 8181, ""),
      ("http://localhost:8181/", "localhost", 8181, ""), ("http://[::1]:8181", "::1", 8181, ""),
      ("https://opa.internal", "opa.internal", 443, ""),
      ("https://opa.internal:9443/policies/", "opa.internal", 9443, "/policies"),
    ])
  func `names host, port and prefix`(_ url: String, _ host: String, _ port: Int, _ prefix: String)
    throws
  {
    let address = try RemotePolicyAddress(url)
    #expect(address.host == host)
    #expect(address.port == port)
    #expect(address.prefix == prefix)
    #expect(address.isEncrypted == url.hasPrefix("https"))
  }

  @Test(
    arguments: [
      "", "opa.internal:8181", "ftp://opa", "https://", "https://:8181", "https://opa:0",
      "https://opa:65536", "https://opa:x", "https://[::1", "https://user@opa",
      "https://opa?x=1", "https://opa#x", "https://opa.internal:8181/a\r\nb", "https://o pa",
    ])
  func `is refused where it is none`(_ url: String) {
    #expect(throws: RemotePolicyFailure.self) { try RemotePolicyAddress(url) }
  }

  @Test func `is plain text for this host only, unless that was asked for`() throws {
    for url in ["http://opa.internal:8181", "http://10.0.0.1:8181", "http://127.evil.example"] {
      #expect(throws: RemotePolicyFailure.self) { try RemotePolicyAddress(url) }
      #expect(try RemotePolicyAddress(url, plainText: true).isEncrypted == false)
    }
  }
}
