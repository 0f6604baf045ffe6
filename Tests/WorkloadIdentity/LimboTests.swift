import FoundationEssentials
import SwiftASN1
import TestKit
import Testing
import Vocabulary
import WorkloadIdentity
import X509

/// The public path-building cases of C2SP x509-limbo. The peer verifier's path search is held
/// against all that apply; its leaf rules ask for a SPIFFE ID, which no limbo certificate has, so
/// every limbo chain must be refused by the whole.
@Suite struct `The public cases for certificate paths` {
  struct Suite: Decodable { let testcases: [Case] }
  struct Case: Decodable {
    let id: String
    let trusted_certs: [String]
    let untrusted_intermediates: [String]
    let peer_certificate: String
    let validation_time: String?
    let expected_result: String
    let max_chain_depth: Int?
  }

  /// Cases that ask for something this verifier does not do, and why that is right.
  static let notApplicable: [(prefix: String, why: String)] = [
    ("crl::", "no revocation lists: an SVID lives an hour at most"),
    ("webpki::cn::", "no host names: a common name is never read"),
    ("webpki::san::mismatch", "no host names are matched"),
    ("webpki::san::public-suffix", "no host names are matched"),
    ("webpki::san::wildcard-embedded-ulabel", "no host names are matched"),
    ("rfc5280::san::ip-in-dns", "no host names are matched"),
    (
      "webpki::san::san-critical-with-nonempty-subject",
      "a rule of the CA/Browser Forum; RFC 5280 §4.2.1.6 says SHOULD"
    ),
  ]

  @Test func `decide as listed`() throws {
    guard let bytes = try Testdata.file("crypto/x509-limbo/limbo.json") else { return }
    let suite = try JSONDecoder().decode(Suite.self, from: Data(bytes))
    var passed = 0
    var applicable = 0
    for item in suite.testcases {
      if Self.notApplicable.contains(where: { item.id.hasPrefix($0.prefix) }) { continue }
      applicable += 1
      let outcome = try verdict(item)
      if (outcome == nil) == (item.expected_result == "SUCCESS") {
        passed += 1
      } else {
        Issue.record(
          "\(item.id): expected \(item.expected_result), got \(outcome?.rawValue ?? "SUCCESS")")
      }
    }
    print(
      "x509-limbo: \(passed) of \(applicable) applicable passed; \(suite.testcases.count) in all"
    )
    for item in Self.notApplicable { print("  not applicable: \(item.prefix)…: \(item.why)") }
    #expect(passed == applicable)
  }

  @Test func `are all refused as workloads`() throws {
    guard let bytes = try Testdata.file("crypto/x509-limbo/limbo.json") else { return }
    let suite = try JSONDecoder().decode(Suite.self, from: Data(bytes))
    for item in suite.testcases {
      let roots = item.trusted_certs.compactMap { try? der($0) }
      let chain =
        try [der(item.peer_certificate)] + item.untrusted_intermediates.map { try der($0) }
      guard let bundle = try? TrustBundle(trustDomain: "example.com", der: roots) else { continue }
      let result = PeerVerifier(trustDomain: "example.com").verify(
        chain: chain, bundle: bundle, at: try moment(item))
      #expect(throws: PeerRefusal.self, "\(item.id)") { try result.get() }
    }
  }

  private func verdict(_ item: Case) throws -> PeerRefusal? {
    var limits = CertificatePath.Limits.standard
    // As many certificates as the case has: its own limit is under test, not ours.
    limits.certificatesMax = 128
    limits.intermediatesMax = min(item.max_chain_depth ?? 8, 16)
    do throws(PeerRefusal) {
      // A root that does not parse is a root that nobody can trust.
      let roots = item.trusted_certs.compactMap { text in
        (try? der(text)).flatMap { try? Certificate(derEncoded: $0) }
      }
      var chain: [[UInt8]] = []
      do {
        chain = try [der(item.peer_certificate)] + item.untrusted_intermediates.map { try der($0) }
      } catch {
        return .malformedCertificate
      }
      let certificates = try CertificatePath.parse(chain, limits: limits)
      let now: Instant
      do { now = try moment(item) } catch { return .malformedCertificate }
      _ = try CertificatePath.build(
        leaf: certificates[0], intermediates: Array(certificates.dropFirst()), roots: roots,
        at: now, limits: limits)
      return nil
    } catch {
      return error
    }
  }

  private func der(_ pem: String) throws -> [UInt8] { try PEMDocument(pemString: pem).derBytes }

  private func moment(_ item: Case) throws -> Instant {
    // Without a time the case means now; all of those were valid when the file was made.
    guard let text = item.validation_time else { return Instant(seconds: 1_760_000_000) }
    let utc = text.hasSuffix("+00:00") ? text.dropLast(6) + "Z" : text[...]
    return try #require(Instant(String(utc)))
  }
}
