/// A secret that the platform makes itself. All others are of the outside, and an operator sets them.
package enum PlatformSecret: String, CaseIterable, Sendable {
  /// Seals all that is sealed; only who hands out sealing keys has it.
  case rootKey = "root-key"
  /// A service's own sealing keys.
  case sealingKeyring = "sealing-keyring"
  /// The public certificate of the door, with its key.
  case edgeCertificate = "edge-certificate"

  /// The operations that hand it out.
  fileprivate var operations: [String] {
    switch self {
    case .rootKey: []
    case .sealingKeyring: ["getSealingKeyring", "reportSealingVersions"]
    case .edgeCertificate: ["issueEdgeCertificate"]
    }
  }
}

extension Charter {
  /// The operation that hands out secrets of the outside.
  private static let outsideOperation = "handOverSecrets"

  /// Whether it may have this secret.
  package func names(_ secret: PlatformSecret) -> Bool { secrets.contains(secret.rawValue) }

  /// Names of the secrets that an operator sets for it, in the file's order.
  package var outsideSecrets: [String] { Self.outside(secrets) }

  private static func outside(_ secrets: [String]) -> [String] {
    secrets.filter { PlatformSecret(rawValue: $0) == nil }
  }

  /// A secret that is named and never asked for is a mistake, and one that is asked for and not named will be refused.
  static func checkSecrets(
    _ root: CharterObject, _ secrets: [String], calls: [CharterCall],
    operations: [CharterOperation]
  ) {
    let reader = root.reader
    for (at, name) in secrets.enumerated() {
      let path = "secrets[\(at)]"
      if root.values["program"] != nil {
        reader.fault(
          .contradiction, path, "a service with a 'program' is given no secrets",
          hint: "leave 'secrets' empty; call a service of ours that has what is needed")
        continue
      }
      let secret = PlatformSecret(rawValue: name)
      if secret == .rootKey {
        if !operations.contains(where: { PlatformSecret.sealingKeyring.operations.contains($0.id) })
        {
          reader.fault(
            .contradiction, path, "only the service that hands out sealing keys has the root key",
            hint: "for keys of your own name '\(PlatformSecret.sealingKeyring.rawValue)'")
        }
        continue
      }
      let needed = secret?.operations ?? [outsideOperation]
      guard !calls.contains(where: { !Set($0.operations).isDisjoint(with: needed) }) else {
        continue
      }
      reader.fault(
        .contradiction, path, "'\(name)' is named, but the call that gets it is missing",
        hint: "add '\(needed[0])' to the calls to the service that hands it out")
    }
    checkHandOvers(secrets, calls, reader)
  }

  private static func checkHandOvers(
    _ secrets: [String], _ calls: [CharterCall], _ reader: CharterReader
  ) {
    for (at, call) in calls.enumerated() {
      for (place, operation) in call.operations.enumerated() {
        let path = "calls[\(at)].operations[\(place)]"
        let secret = PlatformSecret.allCases.first { $0.operations.contains(operation) }
        if let secret, !secrets.contains(secret.rawValue) {
          reader.fault(
            .contradiction, path,
            "'\(operation)' gives what 'secrets' does not name, so it will be refused",
            hint: "add '\(secret.rawValue)' to 'secrets', or drop the call")
        }
        if operation == outsideOperation, outside(secrets).isEmpty {
          reader.fault(
            .contradiction, path, "'\(operation)' gives secrets, but 'secrets' names none",
            hint: "name them, for example secrets: [mail-password], or drop the call")
        }
      }
    }
  }
}
