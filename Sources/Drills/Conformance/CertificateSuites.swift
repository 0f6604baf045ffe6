import FoundationEssentials
import StrictJSON
import SwiftASN1
import Vocabulary
import WorkloadIdentity
import X509

extension ConformanceSuite {
  /// C2SP x509-limbo. The path search of the peer verifier is held against all that apply; its leaf rules ask for a SPIFFE
  /// ID, which no limbo certificate has, so every chain must be refused by the whole.
  static let x509Limbo = ConformanceSuite(
    "x509-limbo", "certificate paths (RFC 5280)", folder: "crypto/x509-limbo"
  ) { folder, told in
    for item in try folder.json("limbo.json")?["testcases"]?.array ?? [] {
      let limbo = LimboCase(item)
      let id = try item.text("id")
      let expected = try item.text("expected_result")
      if let reason = LimboCase.notApplicable.first(where: { id.hasPrefix($0.prefix) }) {
        told(
          CaseResult(
            id, expected: expected, came: limbo.refusal()?.rawValue ?? "accepted",
            verdict: .outOfScope, reason: reason.why))
      } else {
        let refusal = limbo.refusal()
        told(
          CaseResult(
            id, accepts: expected == "SUCCESS", accepted: refusal == nil,
            because: refusal?.rawValue))
      }
      told(
        CaseResult("\(id) as a workload", accepts: false, accepted: limbo.isWorkload))
    }
  }

  /// go-spiffe's documents, whose names say what must come of them.
  static let spiffe = ConformanceSuite(
    "spiffe", "X.509-SVIDs and bundles", folder: "spiffe/go-spiffe"
  ) { folder, told in
    for document in SpiffeDocument.all where document.files.allSatisfy(folder.has) {
      let came = document.outcome(try document.files.map(folder.bytes))
      let isAccepted = came.isAccepted
      told(
        CaseResult(
          document.files.joined(separator: " with "), accepts: document.isGood,
          accepted: isAccepted, because: came.text))
    }
  }
}

/// A chain of certificates, its roots, and whether it is to be believed.
private struct LimboCase {
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
  /// Without a time the case means now; all of those were valid when the file was made.
  private static let made = Instant(seconds: 1_760_000_000)

  private let roots: [[UInt8]]
  /// Nil where a certificate cannot be read.
  private let chain: [[UInt8]]?
  private let moment: Instant?
  private let depthMax: Int

  init(_ item: JSON) {
    func der(_ json: JSON) -> [UInt8]? {
      json.string.flatMap { try? PEMDocument(pemString: $0).derBytes }
    }
    // A root that does not parse is a root that nobody can trust.
    roots = (item["trusted_certs"]?.array ?? []).compactMap(der)
    let given =
      [item["peer_certificate"] ?? .null]
      + (item["untrusted_intermediates"]?.array ?? [])
    let read = given.compactMap(der)
    chain = read.count == given.count ? read : nil
    moment =
      item["validation_time"]?.string.map { text in
        Instant(text.hasSuffix("+00:00") ? "\(text.dropLast(6))Z" : text)
      } ?? Self.made
    depthMax = item["max_chain_depth"]?.integer.map(Int.init) ?? 8
  }

  /// Nil where the path is believed.
  func refusal() -> PeerRefusal? {
    guard let chain, let moment else { return .malformedCertificate }
    var limits = CertificatePath.Limits.standard
    // As many certificates as the case has: its own limit is under test, not ours.
    limits.certificatesMax = 128
    limits.intermediatesMax = min(depthMax, 16)
    do throws(PeerRefusal) {
      let certificates = try CertificatePath.parse(chain, limits: limits)
      _ = try CertificatePath.build(
        leaf: certificates[0], intermediates: Array(certificates.dropFirst()),
        roots: roots.compactMap { try? Certificate(derEncoded: $0) }, at: moment, limits: limits)
      return nil
    } catch {
      return error
    }
  }

  var isWorkload: Bool {
    guard let chain, let moment,
      let bundle = try? TrustBundle(trustDomain: "example.com", der: roots)
    else { return false }
    let result = PeerVerifier(trustDomain: "example.com").verify(
      chain: chain, bundle: bundle, at: moment)
    return (try? result.get()) != nil
  }
}

/// A bundle, or a chain with its key.
private struct SpiffeDocument {
  enum Outcome {
    case accepted(Int)
    case refused(String)

    var isAccepted: Bool { if case .accepted = self { true } else { false } }
    var text: String {
      switch self {
      case .accepted(let count): "\(count) read"
      case .refused(let reason): reason
      }
    }
  }

  let files: [String]
  let isGood: Bool
  /// How many things were read.
  private let read: @Sendable ([[UInt8]]) throws -> Int

  func outcome(_ contents: [[UInt8]]) -> Outcome {
    do { return .accepted(try read(contents)) } catch {
      return .refused(
        (error as? BundleRefusal)?.rawValue ?? (error as? PeerRefusal)?.rawValue ?? "not PEM")
    }
  }

  static let all = bundles + chains

  private static let bundles: [SpiffeDocument] = {
    let spiffe = "bundle/spiffebundle/testdata/spiffebundle_"
    let sets = ["bundle/jwtbundle/testdata/jwks_", "exp/bundle/wit" + "bundle/testdata/jwks_"]
    let pem = "bundle/x509bundle/testdata/"
    let keys = sets.flatMap { set in
      [("valid_1", true), ("valid_2", true), ("missing_kid", false)].map { name, isGood in
        SpiffeDocument(files: ["\(set)\(name).json"], isGood: isGood) {
          try SpiffeBundle.jwtAuthorities(json: $0[0]).count
        }
      }
    }
    let documents = [
      ("valid_1", true), ("valid_2", true), ("valid_with_wit", true), ("no_keys", false),
      ("missing_kid", false), ("multiple_x509", false),
    ].map { name, isGood in
      SpiffeDocument(files: ["\(spiffe)\(name).json"], isGood: isGood) { files in
        let bundle = try SpiffeBundle(trustDomain: "domain.test", json: files[0])
        let again = try SpiffeBundle(trustDomain: "domain.test", json: bundle.json)
        guard again.trust == bundle.trust,
          again.jwtAuthorities.map(\.keyID) == bundle.jwtAuthorities.map(\.keyID)
        else { throw CaseFileError(description: "written and read again it is another") }
        return bundle.trust.authorities.count + bundle.jwtAuthorities.count
      }
    }
    // cert.pem and certs.pem hold certificates of version 1 with RSA of 768 bits, which nobody may trust.
    let roots = [
      ("empty.pem.txt", true), ("corrupted.pem.txt", false), ("not-pem.pem.txt", false),
    ].map { name, isGood in
      SpiffeDocument(files: [pem + name], isGood: isGood) { try certificates($0[0]).count }
    }
    return keys + documents + roots
  }()

  /// Loading does not look at dates or at the bundle.
  private static let chains: [SpiffeDocument] = [
    ("good-cert-and-key", "good-cert-and-key", true),
    ("good-key-and-cert", "good-key-and-cert", true),
    ("good-leaf-only", "key-pkcs8-rsa", true),
    ("good-leaf-and-intermediate", "key-pkcs8-ecdsa", true),
    ("good-leaf-only", "key-pkcs8-ecdsa", false),
    ("corrupt-cert", "key-pkcs8-ecdsa", false),
    ("good-leaf-only", "corrupt-key", false),
    ("wrong-leaf-ca-true", "key-pkcs8-rsa", false),
    ("wrong-leaf-cert-sign", "key-pkcs8-rsa", false),
    ("wrong-leaf-crl-sign", "key-pkcs8-rsa", false),
    ("wrong-leaf-no-digital-signature", "key-pkcs8-rsa", false),
    ("wrong-leaf-empty-id", "key-pkcs8-rsa", false),
    ("wrong-intermediate-no-ca", "key-pkcs8-rsa", false),
    ("wrong-intermediate-no-key-cert-sign", "key-pkcs8-rsa", false),
  ].map { certificate, key, isGood in
    let names = certificate == key ? [certificate] : [certificate, key]
    return SpiffeDocument(
      files: names.map { "svid/x509svid/testdata/\($0).pem.txt" }, isGood: isGood
    ) { files in
      let chain = try certificates(files[0])
      guard let leaf = chain.first else { throw PeerRefusal.noCertificate }
      _ = try PeerVerifier.identity(ofLeaf: leaf)
      for authority in chain.dropFirst() { try CertificatePath.checkAuthority(authority) }
      let keys = try PEMDocument.parseMultiple(
        pemString: String(decoding: files.last ?? [], as: UTF8.self)
      ).filter { $0.discriminator != "CERTIFICATE" }
      guard let first = keys.first,
        try Certificate.PrivateKey(pemDocument: first).publicKey == leaf.publicKey
      else { throw CaseFileError(description: "the key is another certificate's") }
      return chain.count
    }
  }

  private static func certificates(_ file: [UInt8]) throws -> [Certificate] {
    guard !file.isEmpty else { return [] }
    let documents = try PEMDocument.parseMultiple(pemString: String(decoding: file, as: UTF8.self))
    guard !documents.isEmpty else { throw CaseFileError(description: "no PEM document") }
    return try documents.filter { $0.discriminator == "CERTIFICATE" }.map {
      try Certificate(derEncoded: $0.derBytes)
    }
  }
}
