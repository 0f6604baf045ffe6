import Charters
import Chassis
import Commands
import Foundation
import Launcher
import Testing
import Vocabulary

/// A folder of its own for each test, removed at its end.
final class Scratch {
  let path: String
  init() throws {
    path = NSTemporaryDirectory() + "sr-\(UInt32.random(in: 0 ..< .max))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }
  deinit { try? FileManager.default.removeItem(atPath: path) }

  var home: Home { Home("\(path)/home") }

  func script(_ name: String, _ body: String) throws -> String {
    let file = "\(path)/\(name)"
    try "#!/bin/bash\n\(body)\n".write(toFile: file, atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file)
    return file
  }

  static func mode(_ path: String) throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    return (attributes[.posixPermissions] as? Int) ?? -1
  }
}

@Suite struct `A folder of charters` {
  @Test func `is read whole or not at all`() throws {
    let scratch = try Scratch()
    let folder = "\(scratch.path)/charters"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for number in 0..<CharterFolder.filesMax {
      try Data("#".utf8).write(to: URL(filePath: "\(folder)/\(number).yaml"))
    }
    #expect(try CharterFolder.read(folder).count == CharterFolder.filesMax)
    try Data("#".utf8).write(to: URL(filePath: "\(folder)/more.yaml"))
    #expect {
      try CharterFolder.read(folder)
    } throws: {
      "\($0)".contains("more than \(CharterFolder.filesMax) YAML files")
    }
  }
}

@Suite struct `A home` {
  static let charters = [
    CharterFile(
      name: "Sources/Services/Books/charter.yaml",
      text: """
        {apiVersion: strongroom/v1, service: books, summary: One., port: 7109,
         limits: {memory_mib: 64, open_files: 64, connections: 8}}
        """),
    CharterFile(
      name: "Charters/data-classes.yaml", text: "{apiVersion: strongroom/v1, classes: []}"),
  ]

  func prepare(_ home: Home) throws {
    try HomeSetup.prepare(
      home, platform: Platform(), charters: Self.charters, randomness: .system)
  }

  @Test func `is ours alone, and its key too`() throws {
    let scratch = try Scratch()
    let home = scratch.home
    try prepare(home)
    for folder in [home.path, home.keysFolder, home.launchFolder, home.runFolder, home.logFolder] {
      #expect(try Scratch.mode(folder) == 0o700, "\(folder)")
    }
    #expect(try Scratch.mode(home.rootKeyFile) == 0o600)
    #expect(try Scratch.mode(home.platformFile) == 0o600)
    #expect(WholeFile.names(in: home.chartersFolder) == ["books.yaml", "data-classes.yaml"])
    #expect(PlatformSettings.read(home) == Platform())
  }

  @Test func `keeps its key, and closes what was left open`() throws {
    let scratch = try Scratch()
    try prepare(scratch.home)
    let key = try WholeFile.read(scratch.home.rootKeyFile)
    chmod(scratch.home.path, 0o755)
    chmod(scratch.home.rootKeyFile, 0o644)
    try prepare(scratch.home)
    #expect(try WholeFile.read(scratch.home.rootKeyFile) == key)
    #expect(try Scratch.mode(scratch.home.path) == 0o700)
    #expect(try Scratch.mode(scratch.home.rootKeyFile) == 0o600)
  }

  @Test func `misses a store that was there, instead of making an empty one`() throws {
    let scratch = try Scratch()
    let home = scratch.home
    try prepare(home)
    let (ledger, folder) = ("ledger" as ServiceName, home.dataFolder(of: "ledger"))
    try KnownStores.remember(ledger, in: home)
    try prepare(home)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data().write(to: URL(filePath: home.storeFile(of: ledger)))
    try KnownStores.remember(ledger, in: home)
    try prepare(home)
    try FileManager.default.removeItem(atPath: folder)
    #expect {
      try prepare(home)
    } throws: {
      "\($0)".contains("the store of ledger was here and is gone")
    }
  }

  @Test func `with data but without its key is refused, not given a new one`() throws {
    let scratch = try Scratch()
    try prepare(scratch.home)
    try FileManager.default.removeItem(atPath: scratch.home.rootKeyFile)
    try FileManager.default.createDirectory(
      atPath: "\(scratch.home.dataFolder)/ledger", withIntermediateDirectories: true)
    #expect { try prepare(scratch.home) } throws: {
      "\($0)".contains("Restore it from your backup")
    }
    #expect(!WholeFile.exists(scratch.home.rootKeyFile))
  }

  @Test(arguments: [
    "", "00ff", String(repeating: "g", count: 64), String(repeating: "0", count: 66),
  ])
  func `with a damaged key is refused, and the key left alone`(text: String) throws {
    let scratch = try Scratch()
    try prepare(scratch.home)
    try WholeFile.write(Array(text.utf8), to: scratch.home.rootKeyFile)
    #expect { try prepare(scratch.home) } throws: { "\($0)".contains("not 32 bytes in hex") }
    #expect(try WholeFile.read(scratch.home.rootKeyFile) == Array(text.utf8))
  }

  @Test func `whose path is a file, or too long for its socket, is refused`() throws {
    let scratch = try Scratch()
    try WholeFile.write([], to: "\(scratch.path)/file")
    #expect { try prepare(Home("\(scratch.path)/file")) } throws: {
      "\($0)".contains("not a folder")
    }
    let socket = "/run/authority.sock".utf8.count
    let longest = "/" + String(repeating: "x", count: 107 - socket)
    #expect { try HomeSetup.makeFolders(Home(longest)) } throws: {
      "\($0)".contains("too long for a Unix socket")
    }
    #expect(Home(absolute: "relative") == nil)
    #expect(Home(absolute: "/a/b//")?.path == "/a/b")
  }

  @Test func `has one launcher at a time`() throws {
    let scratch = try Scratch()
    try HomeSetup.makeFolders(scratch.home)
    #expect(!HomeLock.isHeld(scratch.home))
    var lock: HomeLock? = try HomeLock.take(scratch.home)
    try WholeFile.write(Array("4711\n".utf8), to: scratch.home.pidFile)
    #expect(HomeLock.isHeld(scratch.home))
    do throws(LaunchFailure) {
      _ = try HomeLock.take(scratch.home)
      Issue.record("taken twice")
    } catch {
      #expect(error.exitCode == .runsAlready && error.description.contains("4711"))
    }
    withExtendedLifetime(lock) {}
    lock = nil
    #expect(!HomeLock.isHeld(scratch.home))
  }

  @Test func `keeps what is not wished otherwise`() {
    var wishes = LauncherRun.Wishes()
    wishes.gatewayPort = 9_443
    wishes.otlpEndpoint = "http://127.0.0.1:4318"
    let first = wishes.applied(to: nil)
    #expect(first.issuer == "https://localhost:9443" && first.portOffset == 0)
    var again = LauncherRun.Wishes()
    again.portOffset = 100
    again.otlpEndpoint = "none"
    let second = again.applied(to: first)
    #expect(second.gatewayPort == 9_443 && second.portOffset == 100 && second.otlpEndpoint == nil)
  }
}

@Suite struct `A port` {
  @Test func `in use is named before anything starts`() throws {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &name) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = bind(descriptor, $0, length)
        _ = getsockname(descriptor, $0, &length)
      }
    }
    #expect(listen(descriptor, 1) == 0)
    let port = Int(UInt16(bigEndian: name.sin_port))
    #expect(ProcessTable.isListening(port))
    #expect { try PortCheck.check([(service: "ledger", port: port)], bind: "127.0.0.1") } throws: {
      "\($0)".contains("port \(port), which ledger needs") && "\($0)".contains("--port-offset")
    }
    close(descriptor)
    #expect(throws: Never.self) {
      try PortCheck.check([(service: "ledger", port: port)], bind: "127.0.0.1")
    }
    #expect(!ProcessTable.isListening(port))
    #expect(throws: LaunchFailure.self) {
      try PortCheck.check([(service: "ledger", port: 65_536)], bind: "127.0.0.1")
    }
  }
}
