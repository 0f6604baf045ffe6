import OutsideReach
import Testing

@Suite struct `A URL of the outside` {
  @Test(arguments: [
    ("https://a.example", "a.example", 443, "/", "a.example"),
    ("https://a.example/", "a.example", 443, "/", "a.example"),
    ("https://a.example:443/x?y=1&z=%20", "a.example", 443, "/x?y=1&z=%20", "a.example"),
    ("https://a.example:8443?y", "a.example", 8_443, "/?y", "a.example:8443"),
    (
      "https://xn--bcher-kva.example/a//b/../c", "xn--bcher-kva.example", 443, "/a//b/../c",
      "xn--bcher-kva.example"
    ),
    ("https://1.2.3.4:1/", "1.2.3.4", 1, "/", "1.2.3.4:1"),
    ("https://[2a00::1]:65535/@", "2a00::1", 65_535, "/@", "[2a00::1]:65535"),
    ("https://a-1.b2.example/:", "a-1.b2.example", 443, "/:", "a-1.b2.example"),
  ])
  func `is read into its parts`(
    text: String, host: String, port: Int, target: String, field: String
  ) throws {
    let url = try OutsideURL(text)
    #expect(url.host.description == host && url.port == port)
    #expect(url.target == target && url.hostField == field)
  }

  @Test(arguments: [
    ("http://a.example/", OutsideURL.Fault.notHTTPS), ("HTTPS://a.example/", .notHTTPS),
    ("file:///etc/passwd", .notHTTPS), ("//a.example/", .notHTTPS), ("a.example", .notHTTPS),
    ("https:/a.example", .notHTTPS), ("gopher://a.example/", .notHTTPS), ("", .notHTTPS),
    (" https://a.example/", .oddCharacter), ("https://a.example/ b", .oddCharacter),
    ("https://a.example\\@b.example/", .oddCharacter),
    ("https://a.example/\r\nhost: b", .oddCharacter),
    ("https://a.example/%", .oddCharacter), ("https://a.example/%1", .oddCharacter),
    ("https://a.example/%zz", .oddCharacter), ("https://bücher.example/", .oddCharacter),
    ("https://a。example/", .oddCharacter), ("https://ⓐ.example/", .oddCharacter),
    ("https://a.example/\u{0}", .oddCharacter), ("https://a.example/`", .oddCharacter),
    ("https://u@a.example/", .userInformation), ("https://u:p@a.example/", .userInformation),
    ("https://a.example:443@b.example/", .userInformation),
    ("https://@a.example/", .userInformation),
    ("https://a.example/#b", .fragment), ("https://a.example#@b.example/", .fragment),
    ("https:///x", .oddHost), ("https://", .oddHost), ("https://A.example/", .oddHost),
    ("https://a.example./", .oddHost), ("https://.a.example/", .oddHost),
    ("https://a..example/", .oddHost), ("https://-a.example/", .oddHost),
    ("https://a-.example/", .oddHost), ("https://a_b.example/", .oddHost),
    ("https://ab--c.example/", .oddHost), ("https://xn--/", .oddHost),
    ("https://a%2eexample/", .oddHost), ("https://%61.example/", .oddHost),
    ("https://2130706433/", .oddHost), ("https://0x7f000001/", .oddHost),
    ("https://0177.0.0.1/", .oddHost), ("https://127.1/", .oddHost), ("https://127.0.1/", .oddHost),
    ("https://0x7f.0x0.0x0.0x1/", .oddHost), ("https://127.0.0.1./", .oddHost),
    ("https://127.0.0.01/", .oddHost), ("https://1.2.3.4.5/", .oddHost),
    ("https://a.0x7f/", .oddHost), ("https://::1/", .oddHost), ("https://[::1/", .oddHost),
    ("https://[127.0.0.1]/", .oddHost), ("https://[::ffff:127.0.0.1]/", .oddHost),
    ("https://[0:0:0:0:0:0:0:1]/", .oddHost), ("https://[::1%25lo]/", .oddHost),
    ("https://[a.example]/", .oddHost), ("https://[v1.x]/", .oddHost),
    ("https://a.example:/", .oddPort), ("https://a.example:0/", .oddPort),
    ("https://a.example:0443/", .oddPort), ("https://a.example:65536/", .oddPort),
    ("https://a.example:+443/", .oddPort), ("https://a.example:443:443/", .oddPort),
    ("https://[::1]443/", .oddPort), ("https://a.example:443 /", .oddCharacter),
  ])
  func `that can be read in two ways is refused`(text: String, fault: OutsideURL.Fault) {
    #expect(throws: fault) { try OutsideURL(text) }
  }

  @Test func `is as long as it may be, and no longer`() throws {
    let start = "https://a.example/"
    let most = start + String(repeating: "x", count: OutsideURL.bytesMax - start.count)
    #expect(try OutsideURL(most).target.utf8.count == OutsideURL.bytesMax - start.count + 1)
    #expect(throws: OutsideURL.Fault.tooLong) { try OutsideURL(most + "x") }
    let label = String(repeating: "a", count: 63)
    #expect(OutsideHost("\(label).example") != nil && OutsideHost("\(label)a.example") == nil)
    let long = [label, label, label].joined(separator: ".") + "."
    #expect(OutsideHost(long + String(repeating: "b", count: 253 - long.count)) != nil)
    #expect(OutsideHost(long + String(repeating: "b", count: 254 - long.count)) == nil)
  }
}
