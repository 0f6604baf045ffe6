import Chassis
package import Charters

/// Where charters are read from: a checkout (`Sources/Services/*/charter.yaml` and
/// `Charters/*.yaml`), or a plain folder of YAML files such as the copies in a home. Services may be
/// added from folders of their own: `charter.yaml`, and `grants.yaml` for the other ends of its edges.
package enum CharterFolder {
  /// Most files; with more nothing is read, for who could say which may be left out.
  package static let filesMax = 512

  /// All files of the folder, sorted by name, with paths as faults should show them.
  package static func read(
    _ folder: String, with added: [String] = []
  ) throws(LaunchFailure) -> [CharterFile] {
    var files: [CharterFile] = []
    var all = paths(folder)
    for folder in added { all += try additions(folder) }
    guard all.count <= filesMax else { throw .tooManyCharters(folder: folder) }
    for path in all {
      guard let bytes = try WholeFile.read(path) else { continue }
      let contract = try contract(beside: path).map { String(decoding: $0, as: UTF8.self) }
      files.append(
        CharterFile(
          name: path, text: String(decoding: bytes, as: UTF8.self), contract: contract))
    }
    guard !files.isEmpty else { throw .noCharters(folder: folder) }
    return files
  }

  /// Reads and checks them together.
  package static func load(
    _ folder: String, with added: [String] = []
  ) throws(LaunchFailure) -> CharterSet {
    try check(read(folder, with: added))
  }

  /// Checks files together.
  package static func check(_ files: [CharterFile]) throws(LaunchFailure) -> CharterSet {
    do throws(CharterFaults) {
      return try CharterSet.load(files)
    } catch {
      throw .badCharters(error)
    }
  }

  /// `openapi.yaml` beside a `charter.yaml`; in a plain folder, what a home keeps beside `NAME.yaml`.
  private static func contract(beside path: String) throws(LaunchFailure) -> [UInt8]? {
    let name = "charter.yaml"
    return try WholeFile.read(
      path.hasSuffix("/\(name)")
        ? path.dropLast(name.utf8.count) + "openapi.yaml"
        : path.dropLast(".yaml".utf8.count) + Home.contractSuffix)
  }

  private static func additions(_ folder: String) throws(LaunchFailure) -> [String] {
    let charter = "\(folder)/charter.yaml"
    guard WholeFile.exists(charter) else { throw .noCharter(folder: folder) }
    let grants = "\(folder)/\(CharterGrants.fileName)"
    return WholeFile.exists(grants) ? [charter, grants] : [charter]
  }

  private static func paths(_ folder: String) -> [String] {
    func yaml(in folder: String) -> [String] {
      WholeFile.names(in: folder).filter { $0.hasSuffix(".yaml") }.map { "\(folder)/\($0)" }
    }
    let services = "\(folder)/Sources/Services"
    guard WholeFile.exists(services) else { return yaml(in: folder) }
    let charters = WholeFile.names(in: services).map { "\(services)/\($0)/charter.yaml" }
    return yaml(in: "\(folder)/Charters") + charters.filter { WholeFile.exists($0) }
  }
}
