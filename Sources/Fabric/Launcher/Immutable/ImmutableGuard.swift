import Chassis
import Foundation
import Sandbox
import Synchronization
package import Vocabulary

/// Keeps programs, charters and settings as they were pinned at `up`: what is changed, replaced,
/// deleted or opened to others is put back at once, what is dropped beside them is taken away, and
/// each is told.
package final class ImmutableGuard: Sendable {
  // A class: the thread that watches and the launcher that is about to start something share it.
  /// Pause between two looks when nothing stirs, milliseconds.
  package static let pauseMillis: Int32 = 1_000
  /// Every so many looks the programs are read whole, whatever their identity says: every ten
  /// minutes.
  static let thoroughEvery = 600

  private struct State {
    var pins: [Pin]
    var standing: ImmutableStanding
    /// What was told and could not be mended, so that it is not told every second.
    var told: [String: String] = [:]
    var looks = 0
    var watch: FolderWatch?
  }

  private let home: Home
  private let folders: [GuardedFolder]
  private let store: KnownGood
  private let sights = FileSights()
  private let quarantine: Quarantine
  private let clock: Clock
  private let randomness: Randomness
  private let tell: @Sendable (PinEvent, PinFinding) -> Void
  private let state: Mutex<State>

  /// - Parameters:
  ///   - earlier: what was changed while nobody looked, for the standing.
  ///   - tell: called once for each finding, on the thread that looked.
  /// - Throws: `system` when a guarded folder is not there.
  package init(
    _ store: KnownGood, pins: [Pin], earlier: [PinEvent] = [], clock: Clock,
    randomness: Randomness,
    tell: @escaping @Sendable (PinEvent, PinFinding) -> Void
  ) throws(LaunchFailure) {
    home = store.home
    self.store = store
    var folders: [GuardedFolder] = []
    for path in store.guardedFolders { folders.append(try GuardedFolder(path)) }
    self.folders = folders
    quarantine = Quarantine(store.home)
    self.clock = clock
    self.randomness = randomness
    self.tell = tell
    var standing = ImmutableStanding(pins)
    standing.recent = earlier.suffix(ImmutableStanding.recentMax)
    state = Mutex(State(pins: pins, standing: standing))
  }

  /// Looks once, then whenever something stirs, until `stop`.
  package func start() throws(LaunchFailure) {
    try state.withLock { $0.standing }.write(to: home)
    look()
    let watch = try FolderWatch(store.watchedFolders, pauseMillis: Self.pauseMillis) {
      [weak self] in self?.look()
    }
    state.withLock { $0.watch = watch }
  }

  /// From now on nothing is guarded, and `status` finds nothing that says so.
  package func stop() {
    let watch = state.withLock { state in
      defer { state.watch = nil }
      return state.watch
    }
    watch?.stop()
    unlink(ImmutableStanding.file(of: home))
  }

  /// Looks just before a program is executed: at it, whole, and at all that it will read at its
  /// start.
  /// - Throws: `notAsPinned` naming what could not be put back.
  package func require(_ programs: [String]) throws(LaunchFailure) {
    let paths = Set(programs.map { "\(home.executablesFolder)/\($0)" })
    let left = look(thorough: paths)
    if let concerned = left.first(where: { paths.contains($0.path) || $0.isReadAtStart }) {
      throw .notAsPinned(path: concerned.path)
    }
  }

  /// Compares, mends and tells.
  /// - Parameter thorough: paths that are read whole, whatever their identity.
  /// - Returns: what could not be mended.
  @discardableResult
  package func look(thorough: Set<String> = []) -> [PinFinding] {
    let (left, events) = state.withLock { state -> ([PinFinding], [(PinEvent, PinFinding)]) in
      state.looks += 1
      defer { ImmutableStanding.noteLook(in: home) }
      let isThorough = state.looks % Self.thoroughEvery == 0
      var findings = findings(state.pins) { isThorough || thorough.contains($0) }
      var published: [(PinEvent, PinFinding)] = []
      if let finding = findings.first(where: { $0.pin?.kind == .policies }),
        let event = admit(finding, &state)
      {
        published.append((event, finding))
        findings = self.findings(state.pins) { isThorough || thorough.contains($0) }
      }
      guard !findings.isEmpty || !state.told.isEmpty || !published.isEmpty else { return ([], []) }
      state.standing.recent += published.map(\.0)
      let (left, events) = mend(findings, &state)
      return (left, published + events)
    }
    for (event, finding) in events { tell(event, finding) }
    return left
  }

  /// Takes a newer bundle of access policies that the organisation signed for the one to keep.
  private func admit(_ finding: PinFinding, _ state: inout State) -> PinEvent? {
    guard finding.side == .inForce, finding.fault == .content, let pin = finding.pin,
      let key = state.pins.first(where: { $0.kind == .policyKey })?.content,
      let next = store.successor(of: pin, key: String(decoding: key, as: UTF8.self))
    else { return nil }
    state.pins = state.pins.map { $0.kind == .policies ? next : $0 }
    return PinEvent(
      pin.path, .content, .published, pinned: pin.sha256, found: next.sha256, evidence: nil,
      in: home, at: clock.now(), randomness: randomness)
  }

  private func findings(_ pins: [Pin], _ isThorough: (String) -> Bool) -> [PinFinding] {
    let places = folders.compactMap { folder in
      folder.fault.map { PinFinding(folder.path, $0) }
    }
    var seen: [String: FileSight] = [:]
    for pin in pins {
      for path in [pin.path, pin.keptPath] {
        seen[path] = sights.look(path, size: pin.size, isThorough: isThorough(path))
      }
    }
    let present = folders.flatMap { folder in
      WholeFile.allNames(in: folder.path).map { "\(folder.path)/\($0)" }
    }
    return places + PinLook.findings(pins, sights: seen, present: present)
  }

  private func mend(
    _ findings: [PinFinding], _ state: inout State
  ) -> (left: [PinFinding], events: [(PinEvent, PinFinding)]) {
    var (left, events) = ([PinFinding](), [(PinEvent, PinFinding)]())
    for finding in findings {
      let isNew = state.told[finding.path] != finding.gist
      let (outcome, evidence) = mended(finding, keepsEvidence: isNew)
      if outcome == .unreverted { left.append(finding) }
      if let event = isNew ? event(finding, outcome, evidence) : nil {
        events.append((event, finding))
      }
    }
    state.told = Dictionary(left.map { ($0.path, $0.gist) }, uniquingKeysWith: { $1 })
    state.standing.unreverted = left.map { PinEvent.short($0.path, in: home) }
    state.standing.recent += events.map(\.0)
    state.standing.recent = state.standing.recent.suffix(ImmutableStanding.recentMax)
    // It is read by people; a disk that is full must not keep the guard from its work.
    if state.watch != nil || !events.isEmpty { try? state.standing.write(to: home) }
    return (left, events)
  }

  private func mended(
    _ finding: PinFinding, keepsEvidence: Bool
  ) -> (PinEvent.Outcome, evidence: String?) {
    let now = clock.now()
    guard let pin = finding.pin else {
      if let folder = folders.first(where: { $0.path == finding.path }) {
        let evidence = finding.fault == .noFile ? quarantine.move(finding.path, at: now) : nil
        return (folder.putBack() ? .reverted : .unreverted, evidence)
      }
      let evidence = quarantine.move(finding.path, at: now)
      return (evidence != nil ? .removed : .unreverted, evidence)
    }
    switch finding.fault {
    case .access:
      let isDone = FileCopy.settle(
        finding.path, mode: pin.mode, user: pin.user, group: pin.group)
      return (isDone ? .reverted : .unreverted, nil)
    case .noFile:
      let evidence = quarantine.move(finding.path, at: now)
      return (store.putBack(pin, finding.side) ? .reverted : .unreverted, evidence)
    case .content, .missing, .foreign:
      let isKept = finding.fault == .content && keepsEvidence
      let evidence = isKept ? quarantine.keep(finding.path, at: now) : nil
      return (store.putBack(pin, finding.side) ? .reverted : .unreverted, evidence)
    }
  }

  private func event(
    _ finding: PinFinding, _ outcome: PinEvent.Outcome, _ evidence: String?
  ) -> PinEvent? {
    PinEvent(
      finding.path, finding.fault, outcome, pinned: finding.pin?.sha256, found: finding.found,
      evidence: evidence, in: home, at: clock.now(), randomness: randomness)
  }
}

/// A folder that must stay one, with its mode and owner.
struct GuardedFolder: Sendable {
  let path: String
  private let mode: UInt32
  private let user: UInt32
  private let group: UInt32

  init(_ path: String) throws(LaunchFailure) {
    guard let facts = FileFacts(at: path), facts.isFolder else {
      throw .badHome(path: path, reason: "it is not a folder")
    }
    self.path = path
    mode = facts.mode
    user = facts.user
    group = facts.group
  }

  var fault: PinFault? {
    guard let facts = FileFacts(at: path) else { return .missing }
    guard facts.isFolder else { return .noFile }
    let isAsPinned = facts.mode == mode && facts.user == user && facts.group == group
    return isAsPinned ? nil : .access
  }

  func putBack() -> Bool {
    guard mkdir(path, 0o700) == 0 || errno == EEXIST else { return false }
    return lchown(path, user, group) == 0 && chmod(path, mode) == 0
  }
}
