package import Charters
package import Chassis
import OutsideReach
package import Vocabulary
import WorkloadIdentity

/// The door's own certificate and key, where an operator brought them, and the address that they must fit.
package enum DoorPapers {
  /// Largest file that is read, in bytes.
  static let bytesMax = 1 << 20

  /// Before anything starts: the files are there, belong together, and will be believed at the issuer's address.
  /// - Throws: `badDoor` with what to mend.
  package static func check(_ platform: Platform, at now: Instant) throws(LaunchFailure) {
    switch (platform.edgeCertificateFile, platform.edgeKeyFile) {
    case (nil, nil): return
    case (let chain?, let key?):
      let host = EdgeNames.host(of: platform.issuer)
      let (chainText, keyText) = (try text(of: chain), try text(of: key))
      do throws(ServerPapers.Fault) {
        try ServerPapers.check(
          chain: chainText, key: keyText, host: host.lowercased(),
          address: EdgeNames.bytes(ofAddress: host), at: now)
      } catch {
        throw .badDoor(reason: words(error, chain: chain, key: key, host: host))
      }
    case (_?, nil), (nil, _?):
      throw .badDoor(reason: "a certificate and its key come together; give both, or 'none'")
    }
  }

  /// The door asks issuers of others for their keys, so their servers must stand in its charter.
  /// - Throws: `badDoor` with what to write there.
  package static func check(
    issuers: [IssuerChoice], in charters: CharterSet
  ) throws(LaunchFailure) {
    let door = charters.holder(of: .door).flatMap { charters[$0] }
    for choice in issuers {
      guard let url = try? OutsideURL(choice.issuer), door?.destination(url) == nil else {
        continue
      }
      throw .badDoor(
        reason:
          "the charter of \(door?.service.description ?? "the door") does not name the issuer "
          + "\(choice.issuer); add {host: \(url.host), port: \(url.port), protocol: https, reason: …} under 'egress'"
      )
    }
  }

  /// The host, with port where there is one, of `https://host:port` and nothing more; nil for another text.
  package static func issuer(_ text: String) -> String? {
    guard text.hasPrefix("https://"), text == text.lowercased() else { return nil }
    let authority = text.dropFirst("https://".utf8.count)
    let host = EdgeNames.host(of: text)
    let isName =
      (1...253).contains(host.utf8.count)
      && host.utf8.allSatisfy {
        (97...122).contains($0) || (48...57).contains($0) || $0 == 45 || $0 == 46
      }
    guard isName || EdgeNames.bytes(ofAddress: host) != nil else { return nil }
    let written = host.contains(":") ? "[\(host)]" : host
    guard authority.hasPrefix(written) else { return nil }
    let rest = authority.dropFirst(written.utf8.count)
    guard !rest.isEmpty else { return String(authority) }
    guard rest.first == ":", let port = Int(rest.dropFirst()), "\(port)" == rest.dropFirst(),
      (1...65_535).contains(port)
    else { return nil }
    return String(authority)
  }

  private static func text(of path: String) throws(LaunchFailure) -> String {
    guard let bytes = try WholeFile.read(path) else {
      throw .badDoor(reason: "there is no \(path)")
    }
    guard bytes.count <= bytesMax else { throw .badDoor(reason: "\(path) is too large") }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func words(
    _ fault: ServerPapers.Fault, chain: String, key: String, host: String
  ) -> String {
    switch fault {
    case .certificateUnreadable: "\(chain) holds no certificate in PEM"
    case .keyUnreadable: "\(key) holds no private key in PEM that is not encrypted"
    case .keyOfAnother:
      "the key in \(key) does not belong to the first certificate in \(chain); "
        + "the server's own certificate comes first there, then those that signed it"
    case .notYetValid(let from): "the certificate in \(chain) is valid from \(from) on"
    case .expired(let end): "the certificate in \(chain) ended at \(end)"
    case .otherNames(let names):
      "the certificate in \(chain) is not for \(host), the issuer's host, but for "
        + (names.isEmpty ? "no host at all" : names.joined(separator: ", "))
        + "; name the address with --issuer"
    }
  }
}
