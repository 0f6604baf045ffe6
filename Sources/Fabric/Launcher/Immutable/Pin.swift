/// What one file must be for as long as the platform runs, and where its known-good copy lies.
package struct Pin: Hashable, Sendable {
  package enum Kind: String, Sendable, Hashable, CaseIterable {
    /// The copy of an executable from which a service, or its stage, is started.
    case program
    case charter
    /// `platform.json`.
    case settings
    /// The key that access policies must be signed with.
    case policyKey
    /// The bundle of access policies: the one file that may change while the platform runs, into a newer one that
    /// the organisation signed.
    case policies
  }
  /// Where a file lies: where services use it, and the launcher's copy.
  package enum Side: String, Sendable, Hashable, CaseIterable {
    case inForce
    case kept
  }

  package let kind: Kind
  /// Absolute.
  package let path: String
  /// Absolute; in a folder that no confined service can open.
  package let keptPath: String
  /// SHA-256, lower-case hex.
  package let sha256: String
  /// In bytes.
  package let size: Int64
  /// Permission bits and owner of the file in force. The copy is the launcher's, mode 0400.
  package let mode: UInt32
  package let user: UInt32
  package let group: UInt32
  /// What a small file holds, so that it can be put back when both files were changed; nil for
  /// programs.
  package let content: [UInt8]?

  package init(
    _ kind: Kind, path: String, keptPath: String, sha256: String, size: Int64, mode: UInt32,
    user: UInt32, group: UInt32, content: [UInt8]? = nil
  ) {
    self.kind = kind
    self.path = path
    self.keptPath = keptPath
    self.sha256 = sha256
    self.size = size
    self.mode = mode
    self.user = user
    self.group = group
    self.content = content
  }

  package func path(_ side: Side) -> String { side == .inForce ? path : keptPath }
}

/// What lies at a path.
package enum FileSight: Hashable, Sendable {
  case missing
  /// A link, a folder, a device, or a file that cannot be read.
  case noFile
  /// The digest in lower-case hex; `N bytes` for a file of another size than the pin's.
  case file(sha256: String, mode: UInt32, user: UInt32, group: UInt32)
}

/// How a file differs from its pin; the raw value is the reason in the audit record.
package enum PinFault: String, Hashable, Sendable, CaseIterable {
  case missing = "file-missing"
  case noFile = "not-a-file"
  case content = "content-changed"
  /// Other permissions or another owner, the content being right.
  case access = "access-changed"
  /// No pin speaks of it, and it lies where only pinned files may.
  case foreign = "foreign-file"
}

/// One difference between pins and disk.
package struct PinFinding: Hashable, Sendable {
  package let path: String
  package let fault: PinFault
  /// Nil for a foreign file.
  package let pin: Pin?
  package let side: Pin.Side
  package let sight: FileSight?

  package init(
    _ path: String, _ fault: PinFault, pin: Pin? = nil, side: Pin.Side = .inForce,
    sight: FileSight? = nil
  ) {
    self.path = path
    self.fault = fault
    self.pin = pin
    self.side = side
    self.sight = sight
  }

  /// The digest of what was found.
  var found: String? {
    guard case .file(let sha256, _, _, _)? = sight else { return nil }
    return sha256
  }

  /// The same for two looks at the same damage: modes are the guard's own doing, too.
  var gist: String { "\(fault.rawValue) \(found ?? "")" }

  /// Whether a service that started meanwhile may have read it.
  package var isReadAtStart: Bool {
    switch pin?.kind {
    // Services believe a bundle's signature, and not the folder.
    case .program, .policies: false
    case .charter, .settings, .policyKey, nil: side == .inForce
    }
  }
}

/// The comparison, without a disk: pins and what was seen in, differences out.
package enum PinLook {
  /// - Parameters:
  ///   - sights: what lies at every path of a pin, both sides.
  ///   - present: paths that lie in the guarded folders.
  package static func findings(
    _ pins: [Pin], sights: [String: FileSight], present: [String]
  ) -> [PinFinding] {
    let pinned = pins.flatMap { pin in
      Pin.Side.allCases.compactMap { side -> PinFinding? in
        let path = pin.path(side)
        let sight = sights[path] ?? .missing
        return fault(of: sight, pin, side).map {
          PinFinding(path, $0, pin: pin, side: side, sight: sight)
        }
      }
    }
    let known = Set(pins.flatMap { [$0.path, $0.keptPath] })
    return pinned + present.filter { !known.contains($0) }.map { PinFinding($0, .foreign) }
  }

  private static func fault(of sight: FileSight, _ pin: Pin, _ side: Pin.Side) -> PinFault? {
    switch sight {
    case .missing: return .missing
    case .noFile: return .noFile
    case .file(let sha256, let mode, let user, let group):
      guard sha256 == pin.sha256 else { return .content }
      // The copy's folder is closed to others; its modes decide nothing.
      guard side == .inForce else { return nil }
      return mode == pin.mode && user == pin.user && group == pin.group ? nil : .access
    }
  }
}
