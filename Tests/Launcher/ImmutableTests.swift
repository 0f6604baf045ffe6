import Chassis
import Foundation
import Launcher
import Synchronization
import TestKit
import Testing
import Vocabulary

@Suite struct `A look at pinned files` {
  let pin = Pin(
    .charter, path: "/home/charters/books.yaml", keptPath: "/home/known-good/charters/books.yaml",
    sha256: "aa", size: 9, mode: 0o600, user: 1, group: 2)
  let sound = FileSight.file(sha256: "aa", mode: 0o600, user: 1, group: 2)

  @Test func `finds nothing where all is as pinned`() {
    let sights = [pin.path: sound, pin.keptPath: sound]
    #expect(PinLook.findings([pin], sights: sights, present: [pin.path]).isEmpty)
  }

  @Test func `names each difference`() {
    let table: [(FileSight, PinFault)] = [
      (.missing, .missing), (.noFile, .noFile),
      (.file(sha256: "ab", mode: 0o600, user: 1, group: 2), .content),
      // What it holds comes before who may open it.
      (.file(sha256: "ab", mode: 0o666, user: 1, group: 2), .content),
      (.file(sha256: "aa", mode: 0o602, user: 1, group: 2), .access),
      (.file(sha256: "aa", mode: 0o4600, user: 1, group: 2), .access),
      (.file(sha256: "aa", mode: 0o600, user: 3, group: 2), .access),
      (.file(sha256: "aa", mode: 0o600, user: 1, group: 3), .access),
    ]
    for (sight, fault) in table {
      let found = PinLook.findings(
        [pin], sights: [pin.path: sight, pin.keptPath: sound], present: [])
      #expect(found.map(\.fault) == [fault] && found.first?.side == .inForce, "\(sight)")
    }
  }

  @Test func `holds the copy to its content alone, and nothing beside the pinned files`() {
    let readable = FileSight.file(sha256: "aa", mode: 0o444, user: 0, group: 0)
    let changed = FileSight.file(sha256: "ab", mode: 0o400, user: 0, group: 0)
    #expect(
      PinLook.findings([pin], sights: [pin.path: sound, pin.keptPath: readable], present: [])
        .isEmpty)
    let found = PinLook.findings(
      [pin], sights: [pin.path: sound, pin.keptPath: changed],
      present: [pin.path, "/home/charters/.evil.yaml"])
    #expect(found.map(\.fault) == [.content, .foreign])
    #expect(found.map(\.side) == [.kept, .inForce])
    #expect(found.map(\.isReadAtStart) == [false, true])
  }
}

@Suite(.serialized) struct `The guard` {
  /// A home with one program, one charter and settings, and the guard's own word on them.
  final class Post {
    let scratch: Scratch
    let home: Home
    let guarded: ImmutableGuard
    let told = Told()

    final class Told: Sendable {
      private let held = Mutex<[PinEvent]>([])
      func add(_ event: PinEvent) { held.withLock { $0.append(event) } }
      var all: [PinEvent] { held.withLock { $0 } }
      var words: [String] { all.map { "\($0.file) \($0.fault) \($0.outcome.rawValue)" } }
    }

    init() throws {
      scratch = try Scratch()
      home = scratch.home
      _ = try scratch.script("strongroom-books", "exec sleep 60")
      try HomeSetup.prepare(
        home, platform: Platform(), charters: `A home`.charters, randomness: .system)
      try TestPolicies.settle(home)
      let store = KnownGood(home)
      let programs = try store.takePrograms(["strongroom-books"], from: scratch.path)
      let pins = try store.pins(
        programs: programs, charters: HomeSetup.named(`A home`.charters),
        settings: PlatformSettings.bytes(of: Platform()))
      let told = told
      guarded = try ImmutableGuard(store, pins: pins, clock: .system, randomness: .system) {
        event, _ in told.add(event)
      }
    }
    deinit { guarded.stop() }

    var charter: String { "\(home.chartersFolder)/books.yaml" }
    var program: String { "\(home.executablesFolder)/strongroom-books" }
    var kept: String { "\(home.knownGoodFolder)/executables/strongroom-books" }

    func text(_ path: String) -> String? {
      FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }
    func append(to path: String) throws {
      chmod(path, 0o700)
      let file = try #require(FileHandle(forWritingAtPath: path))
      try file.seekToEnd()
      try file.write(contentsOf: Data("\n# changed\n".utf8))
      try file.close()
    }
    /// What was told, once so much was told within five seconds.
    func told(_ count: Int) async throws -> [String] {
      for _ in 0..<500 where told.all.count < count { try await Task.sleep(for: .milliseconds(10)) }
      return told.words
    }
  }

  @Test func `copies what runs, so that a build changes nothing that runs`() throws {
    let post = try Post()
    let before = post.text(post.program)
    _ = try post.scratch.script("strongroom-books", "echo another build")
    #expect(post.guarded.look().isEmpty && post.told.all.isEmpty)
    #expect(post.text(post.program) == before && post.text(post.kept) == before)
    #expect(try Scratch.mode(post.home.knownGoodFolder) == 0o700)
    var (one, other) = (stat(), stat())
    #expect(stat(post.program, &one) == 0 && stat(post.kept, &other) == 0)
    #expect(one.st_ino != other.st_ino, "a hard link would change along")
    // The next `up` takes the new build.
    _ = try KnownGood(post.home).takePrograms(["strongroom-books"], from: post.scratch.path)
    #expect(post.text(post.program)?.contains("another build") == true)
  }

  @Test func `tells at the next start what was changed while nothing ran`() throws {
    let post = try Post()
    let store = KnownGood(post.home)
    var calm = Inspection(store, at: Clock.system.now(), randomness: .system)
    calm.lookAtFiles()
    #expect(calm.events.isEmpty)

    try post.append(to: post.home.platformFile)
    try post.append(to: post.charter)
    try WholeFile.write([1], to: "\(post.home.executablesFolder)/evil")
    // Of the build's size, so that its content is what differs.
    let count = try #require(post.text(post.program)).utf8.count
    try WholeFile.write(Array(repeating: 0x23, count: count), to: post.program, mode: 0o500)
    var found = Inspection(store, at: Clock.system.now(), randomness: .system)
    found.lookAtFiles()
    _ = try store.takePrograms(["strongroom-books"], from: post.scratch.path) {
      found.changed(program: $0, pinned: $1, found: $2)
    }
    #expect(
      found.events.map { "\($0.file) \($0.fault) \($0.outcome.rawValue)" } == [
        "platform.json content-changed adopted", "charters/books.yaml content-changed reverted",
        "executables/evil foreign-file removed",
        "executables/strongroom-books content-changed reverted",
      ])
    #expect(found.events.allSatisfy { $0.evidence != nil })
    #expect(post.text(post.program) == post.text(post.kept))
  }

  @Test func `tells of a launcher that was changed, which it must replace before it can tell`()
    throws
  {
    let post = try Post()
    let store = KnownGood(post.home)
    let names = ["strongroom-books", LauncherCopy.name]
    _ = try post.scratch.script(LauncherCopy.name, "echo launcher")
    #expect(try store.layDown(launcher: LauncherCopy.name, from: built(post)) == nil)
    // Before it is kept for the first time it is nobody's foreign file.
    var first = Inspection(store, at: Clock.system.now(), randomness: .system)
    first.lookAtFiles()
    _ = try store.takePrograms(names, from: post.scratch.path)
    #expect(first.events.isEmpty)
    // The build is as it was: nothing to tell.
    #expect(try store.layDown(launcher: LauncherCopy.name, from: built(post)) == nil)

    let path = "\(post.home.executablesFolder)/\(LauncherCopy.name)"
    try post.append(to: path)
    let found = try #require(try store.layDown(launcher: LauncherCopy.name, from: built(post)))
    #expect(post.text(path) == post.text(built(post)))
    var second = Inspection(store, at: Clock.system.now(), randomness: .system)
    second.lookAtFiles()
    _ = try store.takePrograms(
      names, from: post.scratch.path, found: [LauncherCopy.name: found]
    ) { second.changed(program: $0, pinned: $1, found: $2, isGone: true) }
    #expect(
      second.events.map { "\($0.file) \($0.fault) \($0.outcome.rawValue)" } == [
        "executables/strongroom-launcher content-changed reverted"
      ])
  }

  private func built(_ post: Post) -> String { "\(post.scratch.path)/\(LauncherCopy.name)" }

  @Test func `does not read a file of another size, however large`() async throws {
    let post = try Post()
    let program = post.text(post.program)
    try post.guarded.start()
    let huge = post.scratch.path + "/huge"
    try WholeFile.write([], to: huge)
    #expect(truncate(huge, 1 << 40) == 0 && chmod(huge, 0o550) == 0)
    #expect(rename(huge, post.program) == 0)
    #expect(
      try await post.told(1) == ["executables/strongroom-books content-changed reverted"])
    #expect(post.text(post.program) == program)
    let look = try #require(ImmutableStanding.lastLook(in: post.home))
    #expect(Clock.system.now() - look < .seconds(5))
  }

  @Test func `puts back at once what is changed, opened, deleted or replaced`() async throws {
    let post = try Post()
    let (charter, program) = (post.text(post.charter), post.text(post.program))
    try post.guarded.start()
    let began = ContinuousClock.now
    try post.append(to: post.charter)
    #expect(try await post.told(1) == ["charters/books.yaml content-changed reverted"])
    #expect(ContinuousClock.now - began < .seconds(1))
    #expect(post.text(post.charter) == charter)
    #expect(try Scratch.mode(post.charter) == 0o600)
    chmod(post.charter, 0o666)
    #expect(try await post.told(2).last == "charters/books.yaml access-changed reverted")
    #expect(try Scratch.mode(post.charter) == 0o600)
    unlink(post.charter)
    #expect(try await post.told(3).last == "charters/books.yaml file-missing reverted")
    unlink(post.home.platformFile)
    symlink("/etc/passwd", post.home.platformFile)
    #expect(try await post.told(4).last?.hasPrefix("platform.json") == true)
    let other = try post.scratch.script("other", "echo other")
    #expect(rename(other, post.program) == 0)
    for _ in 0..<100 where post.text(post.program) != program {
      try await Task.sleep(for: .milliseconds(10))
    }
    #expect(post.text(post.program) == program)
    #expect(try Scratch.mode(post.program) == 0o500)
    #expect(post.text(post.charter) == charter)
    #expect(post.guarded.look().isEmpty)
    #expect(PlatformSettings.read(post.home) == Platform())
  }

  @Test func `keeps what was changed or dropped as evidence`() async throws {
    let post = try Post()
    try post.guarded.start()
    try post.append(to: post.charter)
    _ = try await post.told(1)
    try "evil".write(
      toFile: "\(post.home.chartersFolder)/.evil.yaml", atomically: false, encoding: .utf8)
    #expect(try await post.told(2).last == "charters/.evil.yaml foreign-file removed")
    let evidence = post.told.all.compactMap(\.evidence)
    #expect(WholeFile.names(in: post.home.quarantineFolder).sorted() == evidence.sorted())
    let texts = evidence.compactMap { post.text("\(post.home.quarantineFolder)/\($0)") }
    #expect(texts.contains { $0.hasSuffix("# changed\n") } && texts.contains("evil"))
    let standing = try #require(ImmutableStanding.read(in: post.home))
    #expect(standing.programs == 1 && standing.charters == 2 && standing.unreverted.isEmpty)
    #expect(standing.recent == post.told.all)
  }

  @Test func `mends its folders and its own copies`() throws {
    let post = try Post()
    let program = post.text(post.program)
    try post.append(to: post.kept)
    chmod(post.home.chartersFolder, 0o777)
    #expect(post.guarded.look().isEmpty)
    #expect(try Scratch.mode(post.home.chartersFolder) == 0o700)
    #expect(post.text(post.kept) == program)
    #expect(rename(post.home.chartersFolder, "\(post.scratch.path)/away") == 0)
    try "x".write(toFile: post.home.chartersFolder, atomically: false, encoding: .utf8)
    #expect(post.guarded.look().isEmpty)
    #expect(WholeFile.names(in: post.home.chartersFolder) == ["books.yaml", "data-classes.yaml"])
  }

  @Test func `lets nothing be started from what it cannot put back, and says so once`() throws {
    let post = try Post()
    try post.append(to: post.program)
    #expect(throws: Never.self) { try post.guarded.require(["strongroom-books"]) }
    let good = post.text(post.kept)
    for path in [post.program, post.kept] { try post.append(to: path) }
    for _ in 0..<3 {
      #expect {
        try post.guarded.require(["strongroom-books"])
      } throws: {
        "\($0)".contains("strongroom-books is not what was pinned")
      }
    }
    #expect(
      post.told.words.dropFirst() == [
        "executables/strongroom-books content-changed unreverted",
        "known-good/executables/strongroom-books content-changed unreverted",
      ])
    // Charters and settings it knows by heart.
    for path in [post.charter, "\(post.home.knownGoodFolder)/charters/books.yaml"] {
      try post.append(to: path)
    }
    let left = post.guarded.look().map(\.path)
    #expect(left == [post.program, post.kept])
    try good?.write(toFile: post.kept, atomically: true, encoding: .utf8)
    #expect(throws: Never.self) { try post.guarded.require(["strongroom-books"]) }
  }

  @Test func `sees a write through a mapping, which inotify does not tell`() async throws {
    let post = try Post()
    let charter = post.text(post.charter)
    try post.guarded.start()
    let descriptor = open(post.charter, O_RDWR)
    let page = mmap(nil, 4_096, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
    defer { munmap(page, 4_096) }
    close(descriptor)
    page?.storeBytes(of: 0x23, as: UInt8.self)
    _ = try await post.told(1)
    #expect(post.text(post.charter) == charter)
  }

  @Test func `keeps 32 pieces of evidence`() throws {
    let post = try Post()
    for number in 0..<40 {
      try "evil".write(
        toFile: "\(post.home.chartersFolder)/evil-\(number)", atomically: false, encoding: .utf8)
      #expect(post.guarded.look().isEmpty)
    }
    let names = WholeFile.names(in: post.home.quarantineFolder)
    #expect(names.count == 32 && names.last?.hasSuffix("evil-39") == true)
  }
}
