import Chassis
import Foundation
import PolicyBundles
package import Vocabulary

/// What was changed while no launcher ran, found at `up` before anything is laid down anew: the files in force are compared
/// with the copies of the last run. Charters and programs are then put back from their sources; changed settings stay in
/// force, for the options of `up` are laid over them, but are told. Whoever changes both sides alike is not found.
package struct Inspection {
  private let home: Home
  private let store: KnownGood
  private let quarantine: Quarantine
  private let now: Instant
  private let randomness: Randomness
  package private(set) var events: [PinEvent] = []

  package init(_ store: KnownGood, at now: Instant, randomness: Randomness) {
    home = store.home
    self.store = store
    quarantine = Quarantine(store.home)
    self.now = now
    self.randomness = randomness
  }

  /// Settings, charters and foreign files. Finds nothing in a home that was never up.
  package mutating func lookAtFiles() {
    compare(home.platformFile, with: store.keptSettings, outcome: .adopted)
    let charters = WholeFile.allNames(in: store.keptCharters)
    for name in charters {
      compare(
        "\(home.chartersFolder)/\(name)", with: "\(store.keptCharters)/\(name)", outcome: .reverted)
    }
    removeForeign(in: home.chartersFolder, known: charters)
    lookAtPolicies()
    let programs = WholeFile.allNames(in: store.keptPrograms)
    // The launcher runs from there before its copy is kept for the first time.
    removeForeign(
      in: home.executablesFolder, known: programs.isEmpty ? [] : programs + [LauncherCopy.name])
  }

  /// What was changed without the organisation's signature is put back; a newer version that it signed stays.
  private mutating func lookAtPolicies() {
    guard let key = (try? WholeFile.read(store.keptPolicyKey)) ?? nil,
      let kept = (try? WholeFile.read(store.keptBundle)) ?? nil
    else { return }
    compare(home.policyKeyFile, with: store.keptPolicyKey, outcome: .reverted)
    putBack(home.policyKeyFile, key)
    let found = (try? WholeFile.read(home.policyBundleFile)) ?? nil
    let pem = String(decoding: key, as: UTF8.self)
    if let found, found != kept, let release = try? PolicyRelease(found, key: pem),
      let earlier = try? PolicyRelease(kept, key: pem), release.version > earlier.version
    {
      compare(home.policyBundleFile, with: store.keptBundle, outcome: .published)
      return
    }
    compare(home.policyBundleFile, with: store.keptBundle, outcome: .reverted)
    putBack(home.policyBundleFile, kept)
  }

  private func putBack(_ path: String, _ content: [UInt8]) {
    guard (try? WholeFile.read(path)) != content else { return }
    // A disk that refuses makes the start fail by itself: services then have no policies.
    try? WholeFile.write(content, to: path)
  }

  private mutating func compare(
    _ path: String, with kept: String, outcome: PinEvent.Outcome
  ) {
    guard let pinned = (try? WholeFile.read(kept)) ?? nil else { return }
    let found = (try? WholeFile.read(path)) ?? nil
    guard found != pinned else { return }
    add(
      path, found == nil ? .missing : .content, outcome, pinned: FileDigest.of(pinned),
      found: found.map(FileDigest.of))
  }

  private mutating func removeForeign(in folder: String, known: [String]) {
    // A home without copies was never guarded, so nothing in it is foreign.
    guard !known.isEmpty else { return }
    for name in WholeFile.allNames(in: folder) where !known.contains(name) {
      guard let evidence = quarantine.move("\(folder)/\(name)", at: now) else { continue }
      add("\(folder)/\(name)", .foreign, .removed, evidence: evidence)
    }
  }

  /// A program that is neither the copy nor the build; it is about to be replaced.
  /// - Parameter isGone: it has been replaced already, and nothing can be kept of it.
  package mutating func changed(
    program path: String, pinned: String, found: String, isGone: Bool = false
  ) {
    add(path, .content, .reverted, pinned: pinned, found: found, isGone: isGone)
  }

  private mutating func add(
    _ path: String, _ fault: PinFault, _ outcome: PinEvent.Outcome, pinned: String? = nil,
    found: String? = nil, evidence: String? = nil, isGone: Bool = false
  ) {
    let kept = fault == .content && !isGone ? quarantine.keep(path, at: now) : nil
    let event = PinEvent(
      path, fault, outcome, pinned: pinned, found: found, evidence: evidence ?? kept, in: home,
      at: now, randomness: randomness)
    if let event { events.append(event) }
  }
}
