package import Foundation
package import PolicyBundles
package import PolicyEngine

/// Why files are no policies or data.
package struct PolicyFilesError: Error, CustomStringConvertible {
  package let description: String

  package init(description: String) { self.description = description }
}

/// Policies and data from files, folders and bundles.
package struct PolicyFiles {
  /// Most files of a folder and those below it, and most folders inside each other.
  static let filesMax = 10_000
  static let depthMax = 32

  package private(set) var modules: [(file: String, source: String)] = []
  package private(set) var data = Value.object(.empty)
  package private(set) var manifest: BundleManifest?
  /// Where the data come from.
  private var origins: [(file: String, value: Value)] = []

  /// None yet.
  package init() {}

  /// - Throws: `PolicyFilesError`.
  package mutating func add(paths: [String]) throws {
    for path in paths {
      let path = path.hasPrefix("file://") ? String(path.dropFirst(7)) : path
      if try Self.isFolder(path) {
        for file in try Self.files(below: path) {
          let folders = file.dropFirst(path.count).split(separator: "/").dropLast().map(String.init)
          try add(file: file, at: folders)
        }
      } else {
        try add(file: path, at: [])
      }
    }
  }

  /// - Throws: `PolicyFilesError`, also for a bundle that is damaged or not signed as it must be.
  package mutating func add(bundles: [String], verification: BundleVerification?) throws {
    for path in bundles {
      let bundle = try Self.bundle(path, verification: verification)
      for module in bundle.modules {
        modules.append((file: path + "/" + module.file, source: module.source))
      }
      try merge(bundle.data, from: path)
      manifest = bundle.manifest
    }
  }

  /// - Throws: `PolicyFilesError`.
  package static func bundle(_ path: String, verification: BundleVerification?) throws
    -> PolicyBundle
  {
    do {
      guard try isFolder(path) else {
        return try PolicyBundle([UInt8](try read(path)), verification: verification)
      }
      let root = path.hasSuffix("/") ? path : path + "/"
      let files = try files(below: path, withHidden: true).map { file in
        BundleFile(name: String(file.dropFirst(root.count)), bytes: [UInt8](try read(file)))
      }
      return try PolicyBundle(files, verification: verification)
    } catch let error as BundleError {
      throw PolicyFilesError(description: "\(path): \(error)")
    }
  }

  /// Rego files given by name or below a folder, for commands that read nothing else.
  package static func regoFiles(_ paths: [String]) throws -> [String] {
    try paths.flatMap { path in
      try isFolder(path) ? files(below: path).filter { $0.hasSuffix(".rego") } : [path]
    }
  }

  /// - Throws: `PolicyFilesError`.
  package static func read(_ path: String) throws -> Data {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw PolicyFilesError(description: "\(path): cannot be read")
    }
    return data
  }

  /// A JSON or YAML document.
  package static func document(_ bytes: Data, name: String) throws -> Value {
    do {
      guard name.hasSuffix(".yaml") || name.hasSuffix(".yml") else {
        return try Value.parse(json: bytes)
      }
      return try Value.parse(yaml: String(decoding: bytes, as: UTF8.self))
    } catch let error as JSONTextError {
      throw PolicyFilesError(description: "\(name): \(error.reason) at byte \(error.offset)")
    } catch let error as PolicyError {
      throw PolicyFilesError(description: "\(name): \(error.message)")
    }
  }

  /// The files that a bundle is made of: the archive, or those of the folder.
  package static func bundleFiles(_ path: String) throws -> [String] {
    try isFolder(path) ? files(below: path, withHidden: true) : [path]
  }

  private static func isFolder(_ path: String) throws -> Bool {
    var isFolder: ObjCBool = false
    guard unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw PolicyFilesError(description: "\(path): no such file or folder")
    }
    return isFolder.boolValue
  }

  private static func files(below folder: String, withHidden: Bool = false, depth: Int = 0) throws
    -> [String]
  {
    guard depth < depthMax else {
      throw PolicyFilesError(description: "\(folder): folders nest deeper than \(depthMax)")
    }
    let root = folder.hasSuffix("/") ? folder : folder + "/"
    var files: [String] = []
    for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() {
      if name.hasPrefix("."), !withHidden { continue }
      let path = root + name
      if try isFolder(path) {
        files += try self.files(below: path, withHidden: withHidden, depth: depth + 1)
      } else {
        files.append(path)
      }
      guard files.count <= filesMax else {
        throw PolicyFilesError(description: "\(folder): more than \(filesMax) files")
      }
    }
    return files
  }

  private mutating func add(file: String, at folders: [String]) throws {
    if file.hasSuffix(".rego") {
      modules.append(
        (file: file, source: String(decoding: try Self.read(file), as: UTF8.self)))
      return
    }
    guard [".json", ".yaml", ".yml"].contains(where: { file.hasSuffix($0) }) else { return }
    let value = try Self.document(try Self.read(file), name: file)
    let placed = folders.reversed().reduce(value) { .object(ObjectValue([(.string($1), $0)])) }
    try merge(placed, from: file)
  }

  /// The policies, held against the data that came with them.
  /// - Throws: `PolicyErrors`.
  package func compiled(isStrict: Bool = false) throws(PolicyErrors) -> CompiledPolicy {
    let policy = try CompiledPolicy.compile(modules, outside: .onlyReplaced, isStrict: isStrict)
    try policy.check(with: data) { path in
      origins.first { Self.holds($0.value, path[...]) }?.file
    }
    return policy
  }

  private static func holds(_ value: Value, _ path: ArraySlice<Value>) -> Bool {
    guard let key = path.first else { return true }
    guard case .object(let object) = value, let next = object[key] else { return false }
    return holds(next, path.dropFirst())
  }

  private mutating func merge(_ value: Value, from file: String) throws {
    guard let merged = data.merging(value) else {
      let other = origins.first { $0.value.merging(value) == nil }?.file
      let before = other.map { ", such as \($0)" } ?? ""
      throw PolicyFilesError(
        description: "\(file): contradicts other data\(before), or is no object at the root of data"
      )
    }
    data = merged
    origins.append((file, value))
  }
}
