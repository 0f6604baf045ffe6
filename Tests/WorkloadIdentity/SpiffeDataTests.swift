import Crypto
import FoundationEssentials
import SwiftASN1
import TestKit
import Testing
import WorkloadIdentity
import X509

/// The public good and broken documents of go-spiffe.
@Suite struct `The public SPIFFE documents` {
  @Test func `load or are refused as their names say`() throws {
    guard let folder = Testdata.folder("spiffe") else { return }
    var passed = 0
    let cases = Self.bundles + Self.documents
    for item in cases {
      let verdict = try item.load(folder + "/go-spiffe/")
      if verdict == item.verdict {
        passed += 1
      } else {
        Issue.record("\(item.files): expected \(item.verdict), got \(verdict)")
      }
    }
    print("  not loaded on purpose: cert.pem, certs.pem: version 1 with RSA of 768 bits")
    print("SPIFFE documents: \(passed) of \(cases.count) passed")
  }

  struct Case: Sendable {
    let files: [String]
    /// The number of things loaded, or the refusal.
    let verdict: String
    let read: @Sendable ([[UInt8]]) throws -> Int

    func load(_ root: String) throws -> String {
      let contents = try files.map { [UInt8](try Data(contentsOf: URL(filePath: root + $0))) }
      do {
        return String(try read(contents))
      } catch let error as BundleRefusal {
        return error.rawValue
      } catch let error as PeerRefusal {
        return error.rawValue
      } catch {
        return "not-pem"
      }
    }
  }

  static let bundles: [Case] = {
    let spiffe = "bundle/spiffebundle/testdata/spiffebundle_"
    let sets = ["bundle/jwtbundle/testdata/jwks_", "exp/bundle/wit" + "bundle/testdata/jwks_"]
    let pem = "bundle/x509bundle/testdata/"
    func document(_ name: String, _ verdict: String) -> Case {
      Case(files: [spiffe + name + ".json"], verdict: verdict) { files in
        let bundle = try SpiffeBundle(trustDomain: "domain.test", json: files[0])
        let again = try SpiffeBundle(trustDomain: "domain.test", json: bundle.json)
        #expect(again.trust == bundle.trust)
        #expect(again.jwtAuthorities.map(\.keyID) == bundle.jwtAuthorities.map(\.keyID))
        return bundle.trust.authorities.count + bundle.jwtAuthorities.count
      }
    }
    func roots(_ name: String, _ verdict: String) -> Case {
      Case(files: [pem + name], verdict: verdict) { files in
        try certificates(files[0]).count
      }
    }
    let plain = sets.flatMap { set in
      [("valid_1", "1"), ("valid_2", "2"), ("missing_kid", "missing-key-id")].map { name, verdict in
        Case(files: [set + name + ".json"], verdict: verdict) {
          try SpiffeBundle.jwtAuthorities(json: $0[0]).count
        }
      }
    }
    return plain + [
      document("valid_1", "2"), document("valid_2", "7"), document("valid_with_wit", "3"),
      document("no_keys", "no-keys"), document("missing_kid", "missing-key-id"),
      document("multiple_x509", "not-one-certificate"), roots("empty.pem.txt", "0"),
      roots("corrupted.pem.txt", "not-pem"),
      roots("not-pem.pem.txt", "not-pem"),
    ]
  }()

  /// A chain with its key, as X509-SVID files hold them. Loading does not look at dates or at the
  /// bundle.
  static let documents: [Case] = {
    let folder = "svid/x509svid/testdata/"
    func svid(_ certificate: String, _ key: String, _ verdict: String) -> Case {
      let files = certificate == key ? [certificate] : [certificate, key]
      return Case(files: files.map { folder + $0 + ".pem.txt" }, verdict: verdict) { files in
        let chain = try certificates(files[0])
        guard let leaf = chain.first else { throw PeerRefusal.noCertificate }
        _ = try PeerVerifier.identity(ofLeaf: leaf)
        for authority in chain.dropFirst() { try CertificatePath.checkAuthority(authority) }
        let keys = try PEMDocument.parseMultiple(
          pemString: String(decoding: files.last ?? [], as: UTF8.self)
        )
        .filter { $0.discriminator != "CERTIFICATE" }
        let key = try Certificate.PrivateKey(pemDocument: try #require(keys.first))
        guard key.publicKey == leaf.publicKey else { throw IssuingRefusal.keyMismatch }
        return chain.count
      }
    }
    return [
      svid("good-cert-and-key", "good-cert-and-key", "1"),
      svid("good-key-and-cert", "good-key-and-cert", "1"),
      svid("good-leaf-only", "key-pkcs8-rsa", "1"),
      svid("good-leaf-and-intermediate", "key-pkcs8-ecdsa", "2"),
      svid("good-leaf-only", "key-pkcs8-ecdsa", "not-pem"),
      svid("corrupt-cert", "key-pkcs8-ecdsa", "not-pem"),
      svid("good-leaf-only", "corrupt-key", "not-pem"),
      svid("wrong-leaf-ca-true", "key-pkcs8-rsa", "leaf-is-authority"),
      svid("wrong-leaf-cert-sign", "key-pkcs8-rsa", "leaf-key-usage"),
      svid("wrong-leaf-crl-sign", "key-pkcs8-rsa", "leaf-key-usage"),
      svid("wrong-leaf-no-digital-signature", "key-pkcs8-rsa", "leaf-key-usage"),
      svid("wrong-leaf-empty-id", "key-pkcs8-rsa", "not-one-identity"),
      svid("wrong-intermediate-no-ca", "key-pkcs8-rsa", "issuer-not-authority"),
      svid("wrong-intermediate-no-key-cert-sign", "key-pkcs8-rsa", "issuer-not-authority"),
    ]
  }()

  static func certificates(_ file: [UInt8]) throws -> [Certificate] {
    let text = String(decoding: file, as: UTF8.self)
    guard !text.isEmpty else { return [] }
    let documents = try PEMDocument.parseMultiple(pemString: text)
    guard !documents.isEmpty else { throw PEMDocumentMissing() }
    return try documents.filter { $0.discriminator == "CERTIFICATE" }.map {
      try Certificate(derEncoded: $0.derBytes)
    }
  }
  struct PEMDocumentMissing: Error {}
}
