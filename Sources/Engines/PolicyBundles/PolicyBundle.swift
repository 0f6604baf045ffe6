package import PolicyEngine

/// Why a bundle was refused. What was in force before stays in force.
package struct BundleError: Error, Hashable, Sendable, CustomStringConvertible {
  package let reason: String
  package var description: String { reason }

  init(_ reason: String) { self.reason = reason }
}

package struct BundleFile: Hashable, Sendable {
  /// Path within the bundle, without `/` in front.
  package let name: String
  package let bytes: [UInt8]

  package init(name: String, bytes: [UInt8]) {
    self.name = name
    self.bytes = bytes
  }
}

/// `.manifest` (OPA bundles, "Bundle File Format").
package struct BundleManifest: Hashable, Sendable {
  static let fileName = ".manifest"

  /// Which version of the policies it is; empty: not said.
  package let revision: String
  /// The paths below `data` that the bundle owns; an empty one is all of it.
  package let roots: [String]

  package init(revision: String = "", roots: [String] = [""]) {
    self.revision = revision
    self.roots = roots
  }

  init(_ bytes: [UInt8]) throws(BundleError) {
    guard case .object(let object)? = try? Value.parse(json: bytes) else {
      throw BundleError("\(Self.fileName) is no JSON object")
    }
    switch object["revision"] {
    case nil: revision = ""
    case .string(let text)?: revision = text
    default: throw BundleError("\(Self.fileName): revision must be a string")
    }
    switch object["roots"] {
    case nil: roots = [""]
    case .array(let elements)?:
      var roots: [String] = []
      for element in elements {
        guard case .string(let root) = element else {
          throw BundleError("\(Self.fileName): roots must be strings")
        }
        roots.append(root.split(separator: "/").joined(separator: "/"))
      }
      self.roots = roots
    default: throw BundleError("\(Self.fileName): roots must be an array")
    }
  }

  var file: BundleFile {
    let value = Value.object(
      ObjectValue([
        (.string("rego_version"), .integer(1)), (.string("revision"), .string(revision)),
        (.string("roots"), .array(roots.map(Value.string))),
      ]))
    return BundleFile(name: Self.fileName, bytes: Array(value.jsonText.utf8))
  }

  func owns(_ path: [String]) -> Bool {
    roots.contains { root in path.starts(with: root.split(separator: "/").map(String.init)) }
  }
}

/// Policies and data as one file, `bundle.tar.gz`, that an Open Policy Agent reads as well.
package struct PolicyBundle: Sendable {
  package let manifest: BundleManifest
  /// By name within the bundle.
  package let modules: [(file: String, source: String)]
  /// What its `data.json`, `data.yaml` and `data.yml` files say, merged.
  package let data: Value
  /// Whether a signature was asked for and holds.
  package let isVerified: Bool

  /// The bytes of a bundle. The same content gives the same bytes, but for signatures that draw
  /// random numbers.
  /// - Parameter signing: nil: unsigned.
  /// - Throws: `BundleError`.
  package static func packed(
    _ manifest: BundleManifest, modules: [(file: String, source: String)], data: Value,
    signing: BundleSigningKey? = nil, keyID: String = "", scope: String = ""
  ) throws(BundleError) -> [UInt8] {
    var files = [
      manifest.file, BundleFile(name: "data.json", bytes: Array(data.jsonText.utf8)),
    ]
    for module in modules.sorted(by: { $0.file < $1.file }) {
      let parts = module.file.split(separator: "/").filter { $0 != "." }
      files.append(
        BundleFile(name: parts.joined(separator: "/"), bytes: Array(module.source.utf8)))
    }
    try check(manifest, data)
    if let signing {
      files.append(try BundleSignature.file(files, signing, keyID: keyID, scope: scope))
    }
    do {
      return GzipStream.packed(try TarArchive.packed(files.map { ("/" + $0.name, $0.bytes) }))
    } catch {
      throw BundleError(error.reason)
    }
  }

  /// Reads a bundle.
  /// - Parameter verification: who must have signed it; nil: nobody is asked for.
  /// - Throws: `BundleError`: damaged, unsigned, changed, by somebody else, or beyond its roots.
  package init(_ packed: [UInt8], verification: BundleVerification?) throws(BundleError) {
    var files: [BundleFile] = []
    do {
      files = try TarArchive.unpacked(try GzipStream.unpacked(packed)).map(BundleFile.init)
    } catch {
      throw BundleError(error.reason)
    }
    try self.init(files, verification: verification)
  }

  /// The same from files, such as those of a folder.
  /// - Throws: `BundleError`.
  package init(_ files: [BundleFile], verification: BundleVerification?) throws(BundleError) {
    let signature = files.first { $0.name == BundleSignature.fileName }
    let content = files.filter { $0.name != BundleSignature.fileName }
    if let verification {
      guard let signature else { throw BundleError("the bundle is not signed") }
      try BundleSignature.verify(signature, content, verification)
    }
    isVerified = verification != nil
    let manifest = content.first { $0.name == BundleManifest.fileName }
    self.manifest =
      try manifest.map { file throws(BundleError) in try BundleManifest(file.bytes) }
      ?? BundleManifest()
    modules = content.filter { $0.name.hasSuffix(".rego") }.map {
      (file: $0.name, source: String(decoding: $0.bytes, as: UTF8.self))
    }.sorted { $0.file < $1.file }
    var data = Value.object(.empty)
    for file in content {
      guard let value = try Self.document(file) else { continue }
      let folder = file.name.split(separator: "/").dropLast().map { Value.string(String($0)) }
      let placed = folder.reversed().reduce(value) { .object(ObjectValue([($1, $0)])) }
      guard let merged = data.merging(placed) else {
        throw BundleError("\(file.name) contradicts other data of the bundle")
      }
      data = merged
    }
    self.data = data
    try Self.check(self.manifest, data)
  }

  /// What a file adds to the data; nil where it is no file of data.
  private static func document(_ file: BundleFile) throws(BundleError) -> Value? {
    switch file.name.split(separator: "/").last {
    case "data.json":
      guard let value = try? Value.parse(json: file.bytes) else {
        throw BundleError("\(file.name) is no JSON")
      }
      return value
    case "data.yaml", "data.yml":
      do {
        return try Value.parse(yaml: String(decoding: file.bytes, as: UTF8.self))
      } catch {
        throw BundleError("\(file.name): \(error.message)")
      }
    default: return nil
    }
  }

  /// That all data lies below the roots.
  private static func check(_ manifest: BundleManifest, _ data: Value) throws(BundleError) {
    var open: [(path: [String], value: Value)] = [([], data)]
    while let (path, value) = open.popLast() {
      if manifest.owns(path) { continue }
      guard case .object(let object) = value else {
        throw BundleError("data at '\(path.joined(separator: "/"))' is outside the bundle's roots")
      }
      for member in object.members {
        if case .string(let name) = member.key { open.append((path + [name], member.value)) }
      }
    }
  }
}

extension Value {
  /// Both, where they are objects and do not contradict each other.
  package func merging(_ other: Value) -> Value? {
    guard case .object(var merged) = self, case .object(let added) = other else {
      return self == other ? self : nil
    }
    for member in added.members {
      guard let present = merged[member.key] else {
        merged[member.key] = member.value
        continue
      }
      guard let both = present.merging(member.value) else { return nil }
      merged[member.key] = both
    }
    return .object(merged)
  }
}
