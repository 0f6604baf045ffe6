package import Chassis
package import Charters
import Glibc
import StrictJSON
package import Vocabulary

/// Makes a home, or brings an existing one up to date; what it keeps (keys, data) is never
/// overwritten.
package enum HomeSetup {
  /// Folders, `platform.json`, the root key on the first run, and copies of the charters.
  /// - Parameter rootKey: where it is sealed under a passphrase, or is to be from the start.
  package static func prepare(
    _ home: Home, platform: Platform, charters: [CharterFile], rootKey: HandedRootKey? = nil,
    randomness: Randomness
  ) throws(LaunchFailure) {
    try makeFolders(home)
    try PlatformSettings.write(platform, to: home)
    try makeRootKey(home, rootKey, randomness)
    try KnownStores.requireAll(in: home)
    try copy(charters, to: home)
    try linkEdgeAuthority(home)
  }

  private static func linkEdgeAuthority(_ home: Home) throws(LaunchFailure) {
    unlink(home.edgeAuthorityLink)
    let target = String(home.edgeAuthorityFile.dropFirst(home.path.utf8.count + 1))
    guard symlink(target, home.edgeAuthorityLink) == 0 else {
      throw .badHome(path: home.edgeAuthorityLink, reason: errorText(errno))
    }
  }

  /// The folders alone; enough to take the lock.
  package static func makeFolders(_ home: Home) throws(LaunchFailure) {
    // sun_path of unix(7) holds 108 bytes with the final zero.
    guard home.workloadSocket.utf8.count <= 107 else {
      throw .badHome(
        path: home.path, reason: "its path is too long for a Unix socket; choose a shorter --home")
    }
    try requireOurs(home)
    for folder in [
      home.path, home.chartersFolder, home.keysFolder, home.launchFolder, home.runFolder,
      home.dataFolder, home.logFolder, home.executablesFolder, home.knownGoodFolder,
      home.quarantineFolder, home.policyFolder, home.operatorFolder,
    ] {
      try WholeFile.makePrivateFolder(folder)
    }
  }

  /// A folder of somebody else's must not get our modes and files because an option was mistyped.
  private static func requireOurs(_ home: Home) throws(LaunchFailure) {
    guard !WholeFile.names(in: home.path).isEmpty, !WholeFile.exists(home.platformFile),
      [home.keysFolder, home.launchFolder, home.runFolder].contains(where: { !WholeFile.exists($0) }
      )
    else { return }
    throw .badHome(
      path: home.path,
      reason: "it holds other things; name an empty folder, or one that does not exist")
  }

  private static func makeRootKey(
    _ home: Home, _ handed: HandedRootKey?, _ randomness: Randomness
  ) throws(LaunchFailure) {
    switch try RootKeyFile.state(in: home) {
    case .both: throw .badHome(path: home.rootKeyFile, reason: RootKeyFile.isInBetween)
    case .sealed:
      guard handed != nil else {
        throw .badHome(
          path: home.sealedRootKeyFile,
          reason:
            "the root key is sealed under a passphrase; start at a terminal, or give --root-key-passphrase-file"
        )
      }
      guard chmod(home.sealedRootKeyFile, 0o600) == 0 else {
        throw .badHome(path: home.sealedRootKeyFile, reason: errorText(errno))
      }
      return
    case .absent, .open: break
    }
    if let present = try WholeFile.read(home.rootKeyFile) {
      let key = bytes(hex: String(decoding: present, as: UTF8.self).filter { $0 != "\n" })
      guard key?.count == 32 else {
        throw .badHome(
          path: home.rootKeyFile,
          reason:
            "it is not 32 bytes in hex. Everything sealed on disk needs the original: restore "
            + "it from your backup")
      }
      guard chmod(home.rootKeyFile, 0o600) == 0 else {
        throw .badHome(path: home.rootKeyFile, reason: errorText(errno))
      }
      return
    }
    // A home with data but without its key was damaged; a new key would only hide that.
    guard WholeFile.names(in: home.dataFolder).isEmpty else {
      throw .badHome(
        path: home.rootKeyFile,
        reason: "it is missing, but there is data sealed under it. Restore it from your backup")
    }
    if let sealed = handed?.newFile {
      return try WholeFile.write(sealed, to: home.sealedRootKeyFile)
    }
    let key = hexText(randomness.bytes(32))
    try WholeFile.write(Array(key.utf8) + [0x0a], to: home.rootKeyFile)
  }

  private static func name(of file: CharterFile) throws(CharterFaults) -> String {
    if file.name.split(separator: "/").last == Substring(DataClasses.fileName) {
      return DataClasses.fileName
    }
    if CharterGrants.isName(file.name) {
      let service = try CharterGrants.parse(file: file.name, text: file.text).service
      return "\(service).\(CharterGrants.fileName)"
    }
    return "\(try Charter.parse(file: file.name, text: file.text).service).yaml"
  }

  private static func copy(_ files: [CharterFile], to home: Home) throws(LaunchFailure) {
    let charters = try named(files)
    for (name, bytes) in charters {
      try WholeFile.write(bytes, to: "\(home.chartersFolder)/\(name)")
    }
    for name in WholeFile.allNames(in: home.chartersFolder) where charters[name] == nil {
      unlink("\(home.chartersFolder)/\(name)")
    }
  }

  private static func contract(
    of file: CharterFile, _ text: String
  ) throws(LaunchFailure) -> [UInt8]? {
    guard let charter = try? Charter.parse(file: file.name, text: file.text) else { return nil }
    do throws(PublicContract.Fault) {
      return try PublicContract.of(charter, text: text)?.canonicalBytes
    } catch {
      throw .badContract(service: charter.service, reason: error.description)
    }
  }

  /// What a home's folder of charters holds, by file name: charters are named by their service,
  /// whatever their file was called.
  package static func named(_ files: [CharterFile]) throws(LaunchFailure) -> [String: [UInt8]] {
    var charters: [String: [UInt8]] = [:]
    for file in files {
      let name: String
      do throws(CharterFaults) {
        name = try self.name(of: file)
      } catch {
        throw .badCharters(error)
      }
      charters[name] = Array(file.text.utf8)
      if let text = file.contract, let contract = try contract(of: file, text) {
        charters[name.dropLast(".yaml".utf8.count) + Home.contractSuffix] = contract
      }
    }
    return charters
  }
}
