package import Chassis
import Dispatch
import Foundation
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
  /// - Returns: each program's digest.
  /// - Throws: `noExecutable`, `system` (a full disk).
  package func takePrograms(
    _ names: [String], from binaries: String
  ) throws(LaunchFailure) -> [String: String] {
    for folder in [home.executablesFolder, home.knownGoodFolder, keptPrograms, keptCharters] {
      try WholeFile.makePrivateFolder(folder)
    }
    // A launcher that was killed while it copied leaves a part of a copy behind.
    for name in WholeFile.names(in: home.knownGoodFolder) where name.hasSuffix(".new") {
      unlink("\(home.knownGoodFolder)/\(name)")
    }
    let taken = Mutex<[String: Result<String, LaunchFailure>]>([:])
    DispatchQueue.concurrentPerform(iterations: names.count) { index in
      let name = names[index]
      let result = Result { () throws(LaunchFailure) in
        try takeProgram(name, from: "\(binaries)/\(name)")
      }
      taken.withLock { $0[name] = result }
    }
    for folder in [home.executablesFolder, keptPrograms] {
      for other in WholeFile.allNames(in: folder) where !names.contains(other) {
        unlink("\(folder)/\(other)")
      }
    }
    var digests: [String: String] = [:]
    for (name, result) in taken.withLock({ $0 }) { digests[name] = try result.get() }
    return digests
  }

  private func takeProgram(_ name: String, from source: String) throws(LaunchFailure) -> String {
    let built = try ExecutableFile(source)
    let sights = FileSights()
    for target in ["\(home.executablesFolder)/\(name)", "\(keptPrograms)/\(name)"] {
      if case .file(built.sha256, _, _, _) = sights.look(target, size: built.size) { continue }
      let beside = "\(home.knownGoodFolder)/\(name).\(getpid()).new"
      guard try FileCopy.copy(built.path, to: beside) == built.sha256 else {
        unlink(beside)
        throw .notAsPinned(path: source)
      }
      guard rename(beside, target) == 0 else {
        throw .system(call: "rename \(target)", code: errno)
      }
    }
    guard chmod("\(home.executablesFolder)/\(name)", 0o500) == 0 else {
      throw .system(call: "chmod \(name)", code: errno)
    }
    return built.sha256
  }

  /// Pins the programs, the charters and the settings as they are to be, with the modes and owners
  /// that they have now.
  /// - Parameters:
  ///   - programs: digests by name, from `takePrograms`.
  ///   - charters: by file name, as `HomeSetup` laid them down.
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
    let kept = "\(home.knownGoodFolder)/platform.json"
    try WholeFile.write(settings, to: kept, mode: 0o400)
    pins.append(
      try pin(.settings, home.platformFile, keptAs: kept, FileDigest.of(settings), settings))
    return pins
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

  private var keptPrograms: String { "\(home.knownGoodFolder)/executables" }
  private var keptCharters: String { "\(home.knownGoodFolder)/charters" }

  /// Folders in which nothing but pinned files may lie.
  package var guardedFolders: [String] { [home.chartersFolder, home.executablesFolder] }
  /// Folders in which a change concerns a pin.
  package var watchedFolders: [String] {
    [home.path, home.knownGoodFolder, keptPrograms, keptCharters] + guardedFolders
  }

  // MARK: Putting back

  /// Puts the other side's content in the place of this one, in one step: whoever opens the path
  /// sees the old file or the right one. Nothing is synced: `up` reads all of it anyway.
  /// - Returns: false where the other side of a program is not as pinned either, or the disk refuses.
  func putBack(_ pin: Pin, _ side: Pin.Side) -> Bool {
    let beside = "\(home.knownGoodFolder)/put-back.\(getpid()).new"
    let isSettled =
      isCopied(pin, side, to: beside)
      && (side == .kept
        || FileCopy.settle(beside, mode: pin.mode, user: pin.user, group: pin.group))
    guard isSettled, rename(beside, pin.path(side)) == 0 else {
      unlink(beside)
      return false
    }
    return true
  }

  private func isCopied(_ pin: Pin, _ side: Pin.Side, to beside: String) -> Bool {
    if let content = pin.content {
      return (try? WholeFile.write(content, to: beside, mode: 0o400)) != nil
    }
    let other = pin.path(side == .inForce ? .kept : .inForce)
    return (try? FileCopy.copy(other, to: beside)) == pin.sha256
  }
}
