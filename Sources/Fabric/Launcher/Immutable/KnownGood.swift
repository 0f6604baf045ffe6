package import Chassis
import Dispatch
import Foundation
import PolicyBundles
import Sandbox
import Synchronization

/// The copies from which what was changed is put back: `HOME/known-good`, the launcher's alone. What
/// runs are copies too (`HOME/executables`), so that a build under a running platform changes nothing
/// that runs, and is not fought.
package struct KnownGood: Sendable {
  package let home: Home

  package init(_ home: Home) { self.home = home }

  // MARK: Taking

  /// Copies the executables of a build to where they are run from and to the known-good copies;
  /// others that lie there go. What is there already is read and left.
  /// - Parameters:
  ///   - found: digests of programs in force that were replaced already, see `layDown`.
  ///   - changed: called for a program in force that is neither its copy nor the build, before it is replaced.
  /// - Returns: each program's digest.
  /// - Throws: `noExecutable`, `system` (a full disk).
  package func takePrograms(
    _ names: [String], from binaries: String, found earlier: [String: String] = [:],
    changed: (_ path: String, _ pinned: String, _ found: String) -> Void = { _, _, _ in }
  ) throws(LaunchFailure) -> [String: String] {
    for folder in [home.executablesFolder, home.knownGoodFolder, keptPrograms, keptCharters] {
      try WholeFile.makePrivateFolder(folder)
    }
    // A launcher that was killed while it copied leaves a part of a copy behind.
    for name in WholeFile.names(in: home.knownGoodFolder) where name.hasSuffix(".new") {
      unlink("\(home.knownGoodFolder)/\(name)")
    }
    let takings = try Self.forEach(names) { name throws(LaunchFailure) in
      try taking(name, from: "\(binaries)/\(name)")
    }
    for (name, taking) in takings.sorted(by: { $0.key < $1.key }) {
      if let found = earlier[name] ?? taking.inForce, let kept = taking.kept, found != kept,
        found != taking.built.sha256
      {
        changed("\(home.executablesFolder)/\(name)", kept, found)
      }
    }
    for folder in [home.executablesFolder, keptPrograms] {
      for other in WholeFile.allNames(in: folder) where !names.contains(other) {
        unlink("\(folder)/\(other)")
      }
    }
    return try Self.forEach(names) { name throws(LaunchFailure) in
      guard let taking = takings[name] else { throw .noExecutable(path: name) }
      try copy(name, taking)
      return taking.built.sha256
    }
  }

  /// Large files are read and copied side by side.
  private static func forEach<Outcome: Sendable>(
    _ names: [String], _ work: @Sendable (String) throws(LaunchFailure) -> Outcome
  ) throws(LaunchFailure) -> [String: Outcome] {
    let results = Mutex<[String: Result<Outcome, LaunchFailure>]>([:])
    DispatchQueue.concurrentPerform(iterations: names.count) { index in
      let name = names[index]
      let result = Result { () throws(LaunchFailure) in try work(name) }
      results.withLock { $0[name] = result }
    }
    var outcomes: [String: Outcome] = [:]
    for (name, result) in results.withLock({ $0 }) { outcomes[name] = try result.get() }
    return outcomes
  }

  /// A program of a build, and what lies in its two places; digests, or the size of what has another.
  private struct Taking {
    let built: ExecutableFile
    let inForce: String?
    let kept: String?
  }

  private func taking(_ name: String, from source: String) throws(LaunchFailure) -> Taking {
    let built = try ExecutableFile(source)
    let sights = FileSights()
    func digest(_ path: String) -> String? {
      guard case .file(let sha256, _, _, _) = sights.look(path, size: built.size) else {
        return nil
      }
      return sha256
    }
    return Taking(
      built: built, inForce: digest("\(home.executablesFolder)/\(name)"),
      kept: digest("\(keptPrograms)/\(name)"))
  }

  private func copy(_ name: String, _ taking: Taking) throws(LaunchFailure) {
    try copy(
      name, taking.built,
      to: [
        ("\(home.executablesFolder)/\(name)", taking.inForce),
        ("\(keptPrograms)/\(name)", taking.kept),
      ])
  }

  private func copy(
    _ name: String, _ built: ExecutableFile, to targets: [(path: String, present: String?)]
  ) throws(LaunchFailure) {
    for (target, present) in targets where present != built.sha256 {
      let beside = "\(home.knownGoodFolder)/\(name).\(getpid()).new"
      guard try FileCopy.copy(built.path, to: beside) == built.sha256 else {
        unlink(beside)
        throw .notAsPinned(path: built.path)
      }
      try WholeFile.place(beside, at: target)
    }
    guard chmod("\(home.executablesFolder)/\(name)", 0o500) == 0 else {
      throw .system(call: "chmod \(name)", code: errno)
    }
  }

  /// Pins the programs, the charters and the settings as they are to be, with the modes and owners
  /// that they have now.
  /// - Parameters:
  ///   - programs: digests by name, from `takePrograms`.
  ///   - charters: by file name, as `HomeSetup` laid them down.
  ///
  /// The access policies are pinned as they lie there, after whoever called this has verified them.
  package func pins(
    programs: [String: String], charters: [String: [UInt8]], settings: [UInt8]
  ) throws(LaunchFailure) -> [Pin] {
    var pins: [Pin] = []
    for (name, sha256) in programs.sorted(by: { $0.key < $1.key }) {
      let path = "\(home.executablesFolder)/\(name)"
      pins.append(try pin(.program, path, keptAs: "\(keptPrograms)/\(name)", sha256))
    }
    for name in WholeFile.allNames(in: keptCharters) where charters[name] == nil {
      unlink("\(keptCharters)/\(name)")
    }
    for (name, bytes) in charters.sorted(by: { $0.key < $1.key }) {
      let (path, kept) = ("\(home.chartersFolder)/\(name)", "\(keptCharters)/\(name)")
      try WholeFile.write(bytes, to: kept, mode: 0o400)
      pins.append(try pin(.charter, path, keptAs: kept, FileDigest.of(bytes), bytes))
    }
    try WholeFile.write(settings, to: keptSettings, mode: 0o400)
    pins.append(
      try pin(.settings, home.platformFile, keptAs: keptSettings, FileDigest.of(settings), settings)
    )
    try WholeFile.makePrivateFolder(keptPolicy)
    for (kind, path, kept) in [
      (Pin.Kind.policyKey, home.policyKeyFile, keptPolicyKey),
      (.policies, home.policyBundleFile, keptBundle),
    ] {
      guard let bytes = try WholeFile.read(path) else { continue }
      try WholeFile.write(bytes, to: kept, mode: 0o400)
      pins.append(try pin(kind, path, keptAs: kept, FileDigest.of(bytes), bytes))
    }
    return pins
  }

  /// The pin of the bundle that lies in the place of a pinned one, where the organisation signed it and it is newer;
  /// its copy is kept from now on.
  /// - Parameter key: PEM, as it is pinned.
  func successor(of pin: Pin, key: String) -> Pin? {
    guard let bytes = (try? WholeFile.read(pin.path)) ?? nil, let content = pin.content,
      let release = try? PolicyRelease(bytes, key: key),
      let present = try? PolicyRelease(content, key: key), release.version > present.version,
      (try? WholeFile.write(bytes, to: pin.keptPath, mode: 0o400)) != nil
    else { return nil }
    return Pin(
      .policies, path: pin.path, keptPath: pin.keptPath, sha256: FileDigest.of(bytes),
      size: Int64(bytes.count), mode: pin.mode, user: pin.user, group: pin.group, content: bytes)
  }

  private func pin(
    _ kind: Pin.Kind, _ path: String, keptAs kept: String, _ sha256: String,
    _ content: [UInt8]? = nil
  ) throws(LaunchFailure) -> Pin {
    guard let facts = FileFacts(at: path) else {
      throw .system(call: "look at \(path)", code: errno)
    }
    return Pin(
      kind, path: path, keptPath: kept, sha256: sha256, size: facts.identity.size, mode: facts.mode,
      user: facts.user,
      group: facts.group, content: content)
  }

  var keptPrograms: String { "\(home.knownGoodFolder)/executables" }
  var keptCharters: String { "\(home.knownGoodFolder)/charters" }
  var keptSettings: String { "\(home.knownGoodFolder)/platform.json" }
  var keptPolicy: String { "\(home.knownGoodFolder)/policy" }
  var keptPolicyKey: String { "\(keptPolicy)/key.pem" }
  var keptBundle: String { "\(keptPolicy)/bundle.tar.gz" }

  /// Folders in which nothing but pinned files may lie.
  package var guardedFolders: [String] {
    [home.chartersFolder, home.executablesFolder, home.policyFolder]
  }
  /// Folders in which a change concerns a pin.
  package var watchedFolders: [String] {
    [home.path, home.knownGoodFolder, keptPrograms, keptCharters, keptPolicy] + guardedFolders
  }

  /// Lays down the launcher's own program where it runs from, so that it can go on as that copy; known-good copies are made
  /// by that one, with all others.
  /// - Returns: the digest of another program that lay there; nil where none did.
  package func layDown(launcher name: String, from source: String) throws(LaunchFailure) -> String?
  {
    for folder in [home.executablesFolder, home.knownGoodFolder] {
      try WholeFile.makePrivateFolder(folder)
    }
    let taking = try taking(name, from: source)
    try copy(name, taking.built, to: [("\(home.executablesFolder)/\(name)", taking.inForce)])
    return taking.inForce == taking.built.sha256 ? nil : taking.inForce
  }

  // MARK: Putting back

  /// Puts the other side's content in the place of this one, in one step: whoever opens the path
  /// sees the old file or the right one.
  /// - Returns: false where the other side of a program is not as pinned either, or the disk refuses.
  func putBack(_ pin: Pin, _ side: Pin.Side) -> Bool {
    let beside = "\(home.knownGoodFolder)/put-back.\(getpid()).new"
    let isSettled =
      isCopied(pin, side, to: beside)
      && (side == .kept
        || FileCopy.settle(beside, mode: pin.mode, user: pin.user, group: pin.group))
    guard isSettled else {
      unlink(beside)
      return false
    }
    return (try? WholeFile.place(beside, at: pin.path(side))) != nil
  }

  private func isCopied(_ pin: Pin, _ side: Pin.Side, to beside: String) -> Bool {
    if let content = pin.content {
      return (try? WholeFile.write(content, to: beside, mode: 0o400)) != nil
    }
    let other = pin.path(side == .inForce ? .kept : .inForce)
    return (try? FileCopy.copy(other, to: beside)) == pin.sha256
  }
}
