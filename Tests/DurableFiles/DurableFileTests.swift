import DurableFiles
import Foundation
import LedgerSoak
import Testing

/// A folder of its own for one test.
private final class Folder {
  let path = FileManager.default.temporaryDirectory.path + "/durable-\(UUID().uuidString)"
  init() throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }
  deinit { try? FileManager.default.removeItem(atPath: path) }
  func mode(_ name: String) -> UInt32 {
    var facts = stat()
    return stat("\(path)/\(name)", &facts) == 0 ? facts.st_mode & 0o7777 : 0
  }
  func text(_ name: String) -> String? {
    try? String(contentsOfFile: "\(path)/\(name)", encoding: .utf8)
  }
  var names: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
  }
}

@Suite struct `A file that is replaced` {
  @Test func `has the permissions that were said, and leaves no draft`() throws {
    let folder = try Folder()
    for mode in [0o600, 0o400, 0o500, 0o644] as [UInt32] {
      try DurableFile.write(Array("\(mode)".utf8), to: "\(folder.path)/a", .mode(mode))
      #expect(folder.mode("a") == mode && folder.text("a") == "\(mode)")
    }
    #expect(folder.names == ["a"])
  }

  @Test func `keeps the permissions that it has where people edit it`() throws {
    let folder = try Folder()
    let path = "\(folder.path)/edited"
    try DurableFile.write([1], to: path, .mode(0o640))
    try DurableFile.write([2], to: path, .asFound)
    #expect(folder.mode("edited") == 0o640)
    try DurableFile.write([3], to: "\(folder.path)/new", .asFound)
    let mask = umask(0)
    umask(mask)
    #expect(folder.mode("new") == 0o666 & ~mask)
  }

  @Test func `stands as it was where it cannot be`() throws {
    let folder = try Folder()
    try FileManager.default.createDirectory(
      atPath: "\(folder.path)/taken/by", withIntermediateDirectories: true)
    let fault = #expect(throws: DurableFile.Failure.self) {
      try DurableFile.write([1], to: "\(folder.path)/taken", .ownersOnly)
    }
    #expect(fault?.code == EISDIR && fault?.path == "\(folder.path)/taken")
    #expect(folder.names == ["taken"])
    #expect(throws: DurableFile.Failure.self) {
      try DurableFile.write([1], to: "\(folder.path)/nowhere/a", .ownersOnly)
    }
  }

  @Test func `may be made elsewhere and put into its place as it is`() throws {
    let folder = try Folder()
    let (draft, path) = ("\(folder.path)/draft", "\(folder.path)/a")
    try DurableFile.write([1], to: path, .ownersOnly)
    try DurableFile.write(Array("made".utf8), to: draft, .mode(0o500))
    try DurableFile.place(draft, at: path)
    #expect(folder.names == ["a"] && folder.text("a") == "made" && folder.mode("a") == 0o500)
    #expect(throws: DurableFile.Failure.self) { try DurableFile.place(draft, at: path) }
  }

  @Test func `is one of several, of which each is whole`() throws {
    let folder = try Folder()
    let files = (0..<20).map { ("\(folder.path)/\($0)", Array("file \($0)".utf8)) }
    try DurableFile.write(files, .ownersOnly, draft: ".tmp")
    #expect(folder.names.count == 20)
    for number in 0..<20 { #expect(folder.text("\(number)") == "file \(number)") }
  }
}

/// What the disk of a process may hold after its power was cut, from a record of all that the process did to its files.
@Suite struct `A file that is replaced, and whose power is cut,` {
  private static let checkout = #filePath.components(separatedBy: "/Tests/").first ?? "."

  /// Two bundles, one in the place of the other, each by a process that records its writes.
  private func replaced(in folder: Folder) throws -> (trace: DiskTrace, contents: [[UInt8]]) {
    let debug = "\(Self.checkout)/.build/debug"
    let (disk, trace) = ("\(folder.path)/disk", "\(folder.path)/trace")
    try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
    let contents = try ["first", "second"].map { name in
      let policy = "\(folder.path)/\(name).rego"
      try Data("package \(name)\n\nallow := true\n".utf8).write(to: URL(filePath: policy))
      let process = Process()
      process.executableURL = URL(filePath: "\(debug)/strongroom-policy")
      process.arguments = ["policy", "build", policy, "--output", "\(disk)/bundle"]
      process.environment = ProcessInfo.processInfo.environment.merging([
        "LD_PRELOAD": "\(debug)/libstrongroom-powercut.so", "STRONGROOM_POWERCUT_ROOT": disk,
        "STRONGROOM_POWERCUT_TRACE": trace,
      ]) { $1 }
      try process.run()
      process.waitUntilExit()
      try #require(process.terminationStatus == 0)
      return Array(try Data(contentsOf: URL(filePath: "\(disk)/bundle")))
    }
    return (try DiskTrace(path: trace), contents)
  }

  /// What lies under the file's name after cuts at every moment, many times each, as the disk may have it.
  private func found(
    _ trace: DiskTrace, _ folder: Folder, _ manner: DiskImage.Manner
  ) -> [Set<[UInt8]>] {
    (0...trace.count).map { moment in
      Set(
        (0..<40 as Range<UInt64>).compactMap { seed in
          var image = DiskImage(trace, manner: manner, seed: seed, watching: "/nobody")
          image.advance(to: moment)
          return image.cut()["\(folder.path)/disk/bundle"]
        })
    }
  }

  @Test func `is the old one or the new one at any moment, and the new one when that was told`()
    throws
  {
    let folder = try Folder()
    let (trace, contents) = try replaced(in: folder)
    #expect(contents[0] != contents[1])
    let moments = found(trace, folder, .honest)
    for (moment, held) in moments.enumerated() {
      #expect(held.isSubset(of: contents), "after \(moment) of \(trace.count) records")
    }
    // Both are seen on the way: the cuts fall where something happens.
    #expect(moments.contains { $0 == Set(contents) })
    #expect(moments.last == [contents[1]])
  }

  /// The same look at a disk that says it has synced and has not.
  @Test func `is missed where the disk lies`() throws {
    let folder = try Folder()
    let (trace, contents) = try replaced(in: folder)
    let moments = found(trace, folder, .lying)
    #expect(moments.contains { !$0.isSubset(of: contents) })
    #expect(moments.last != [contents[1]])
  }
}
