import Chassis
import Foundation
import Glibc
import Launcher
import Vocabulary

/// X4: whoever changes a program, a charter or a setting of the running platform finds it put back, and on record. The
/// attacker is the launcher's own user: what the guard does not see, nobody else would. What it leaves in force the
/// drill puts back itself, and its pieces of evidence go with it.
package enum ImmutableDrill {
  /// How long the guard may take. It promises a second; the machine may be busy.
  static let revertWithin: Duration = .seconds(6)

  package static let drill = Drill(
    name: "immutable",
    promise:
      "X4: an unauthorised change of a program, a charter or a setting is flagged and put back.",
    attacks: [
      change(
        "charter-byte", "append a byte to a charter in force", of: "charters/operator.yaml",
        by: appendLineFeed),
      change(
        "charter-mode", "let everybody write a charter", of: "charters/operator.yaml"
      ) { path in chmod(path, 0o666) == 0 },
      change(
        "charter-gone", "delete a charter", of: "charters/operator.yaml"
      ) { path in unlink(path) == 0 },
      change(
        "settings", "append a byte to platform.json", of: "platform.json", by: appendLineFeed),
      Attack(
        "foreign-charter", steps: "drop a charter that nobody pinned beside the others",
        expectation: "taken away into quarantine, and recorded"
      ) { range in
        let name = "drill-\(hexText(range.randomness.bytes(8))).yaml"
        let path = "\(range.home.chartersFolder)/\(name)"
        let scene = Scene(range, "charters/\(name)")
        defer { unlink(path) }
        // Not a charter at all: whoever read it in between would refuse it.
        try scene.place(Array("drill: true\n".utf8))
        return try await scene.sighting { !WholeFile.exists(path) }
      },
      Attack(
        "program", steps: "replace a service's program by rename while it runs",
        expectation: "put back, and recorded; the process goes on as it was"
      ) { range in
        guard let service = range.processes.first(where: { $0.service != "authority" }) else {
          return .notTried("no service runs")
        }
        let file = "executables/\(Unit.ownExecutable)"
        let scene = Scene(range, file)
        // The file itself is put aside: writing it fails while it runs (ETXTBSY).
        let (path, aside) = ("\(range.home.path)/\(file)", "\(range.home.path)/drill-\(getpid())")
        guard link(path, aside) == 0 else { return .notTried("link: \(errorText(errno))") }
        defer { unlink(aside) }
        let before = try ExecutableFile(path).sha256
        try scene.place(Array("#!/bin/false\n".utf8), mode: 0o555)
        let sighting = try await scene.sighting { (try? ExecutableFile(path).sha256) == before }
        if (try? ExecutableFile(path).sha256) != before { rename(aside, path) }
        guard ProcessTable.startTicks(service.pid) != nil else {
          return .breach("\(service.service) did not survive it")
        }
        return sighting
      },
    ])

  private static func change(
    _ name: String, _ steps: String, of file: String,
    by change: @escaping @Sendable (_ path: String) -> Bool
  ) -> Attack {
    Attack(name, steps: steps, expectation: "put back as it was, and recorded") { range in
      let path = "\(range.home.path)/\(file)"
      let scene = Scene(range, file)
      let before = try Scene.Copy(of: path)
      guard change(path) else { return .notTried("\(path): \(errorText(errno))") }
      let sighting = try await scene.sighting { (try? Scene.Copy(of: path)) == before }
      if (try? Scene.Copy(of: path)) != before { try scene.putBack(before) }
      return sighting
    }
  }

  private static let appendLineFeed: @Sendable (String) -> Bool = { path in
    let descriptor = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return write(descriptor, "\n", 1) == 1
  }
}

/// One pinned file under attack, and how to see what became of it.
struct Scene {
  private let range: DrillRange
  private let file: String
  private let began: Instant

  init(_ range: DrillRange, _ file: String) {
    self.range = range
    self.file = file
    began = range.clock.now()
  }

  /// Waits until it is as it was and the guard says so; then its evidence goes.
  func sighting(_ isAsBefore: () -> Bool) async throws -> Sighting {
    let end = began + ImmutableDrill.revertWithin
    while range.clock.now() < end {
      if let event, isAsBefore() {
        if let evidence = event.evidence { unlink("\(range.home.quarantineFolder)/\(evidence)") }
        let millis = (event.at - began).milliseconds
        return .held(
          "\(event.outcome.rawValue) after \(millis) ms: \(event.fault)",
          recordedAs: event.correlation)
      }
      try await Task.sleep(for: .milliseconds(20))
    }
    return .breach(
      isAsBefore() ? "it was put back, but nobody said so" : "still changed after \(end - began)")
  }

  private var event: PinEvent? {
    ImmutableStanding.read(in: range.home)?.recent.last { $0.file == file && $0.at >= began }
  }

  /// Written elsewhere and renamed to its place, as by an attacker who knows his trade.
  func place(_ bytes: [UInt8], mode: UInt32 = 0o600) throws {
    let (path, beside) = ("\(range.home.path)/\(file)", "\(range.home.path)/drill-new-\(getpid())")
    try WholeFile.write(bytes, to: beside, mode: mode)
    guard rename(beside, path) == 0 else {
      throw LaunchFailure.system(call: "rename \(path)", code: errno)
    }
  }

  /// What the guard should have done.
  func putBack(_ copy: Copy) throws {
    try place(copy.bytes, mode: copy.mode)
    let path = "\(range.home.path)/\(file)"
    chown(path, copy.user, copy.group)
    chmod(path, copy.mode)
  }

  /// A file with its mode and owner.
  struct Copy: Equatable {
    let bytes: [UInt8]
    let mode: UInt32
    let user: UInt32
    let group: UInt32

    init(of path: String) throws {
      var facts = stat()
      guard let bytes = try WholeFile.read(path), lstat(path, &facts) == 0 else {
        throw LaunchFailure.system(call: "look at \(path)", code: ENOENT)
      }
      self.bytes = bytes
      (mode, user, group) = (facts.st_mode & 0o7777, facts.st_uid, facts.st_gid)
    }
  }
}
