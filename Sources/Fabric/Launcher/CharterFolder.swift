package import Charters

/// Where charters are read from: a checkout (`Sources/Services/*/charter.yaml` and
/// `Charters/*.yaml`), or a plain folder of YAML files such as the copies in a home. Services may be
/// added from folders of their own: `charter.yaml`, and `grants.yaml` for the other ends of its edges.
package enum CharterFolder {
  /// Most files looked at.
  package static let filesMax = 512

  /// All files of the folder, sorted by name, with paths as faults should show them.
  package static func read(
    _ folder: String, with added: [String] = []
  ) throws(LaunchFailure) -> [CharterFile] {
    var files: [CharterFile] = []
    var all = paths(folder)
    for folder in added { all += try additions(folder) }
    for path in all.prefix(filesMax) {
      guard let bytes = try WholeFile.read(path) else { continue }
      files.append(CharterFile(name: path, text: String(decoding: bytes, as: UTF8.self)))
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
