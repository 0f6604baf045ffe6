import Demo
import Foundation
import NIOCore
import NIOPosix
import StrictJSON
import TestKit
import Synchronization
import Transport
import Vocabulary

/// The real platform: the built executables, one process for each service, in a home of its own.
final class RunningPlatform: Sendable {
  let home: String
  let port: Int
  private let offset: Int
  private let binaries: String
  private let checkout: String

  init() throws {
    home = NSTemporaryDirectory() + "strongroom-flow-\(UUID().uuidString.prefix(8))"
    offset = try TestPorts.offset()
    port = TestPorts.gatewayPort(offset)
    // The test bundle lies beside the executables.
    binaries = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
      .resolvingSymlinksInPath().path(percentEncoded: false)
    checkout = #filePath.components(separatedBy: "/Tests/Flows/").first ?? "."
  }

  struct Outcome: Sendable {
    let exitCode: Int32
    let output: String
  }

  /// Runs the `strongroom` command to its end.
  @discardableResult
  func command(_ words: String...) async throws -> Outcome { try await command(words) }

  /// - Parameter input: what comes on standard input.
  func command(_ words: [String], input: String? = nil) async throws -> Outcome {
    let folder = try Self.executables(near: binaries, checkout: checkout)
    let arguments = words + (words.first == "help" ? [] : ["--home", home])
    return try await withCheckedThrowingContinuation { continuation in
      let process = Process()
      process.executableURL = URL(filePath: folder + "/strongroom")
      process.arguments = arguments
      // A file, not a pipe: what `up` leaves running would keep a pipe open for ever.
      let output = NSTemporaryDirectory() + "strongroom-output-\(UUID().uuidString)"
      _ = FileManager.default.createFile(atPath: output, contents: nil)
      let pipe = input.map { _ in Pipe() }
      process.standardInput = pipe ?? FileHandle.nullDevice
      DispatchQueue.global().async {
        do {
          let file = try FileHandle(forWritingTo: URL(filePath: output))
          process.standardOutput = file
          process.standardError = file
          try process.run()
          try pipe?.fileHandleForWriting.write(contentsOf: Data((input ?? "").utf8))
          try pipe?.fileHandleForWriting.close()
          process.waitUntilExit()
          try file.close()
          let bytes = FileManager.default.contents(atPath: output) ?? Data()
          try FileManager.default.removeItem(atPath: output)
          continuation.resume(
            returning: Outcome(
              exitCode: process.terminationStatus, output: String(decoding: bytes, as: UTF8.self)))
        } catch {
          continuation.resume(throwing: error)
        }
      }
    }
  }

  /// With the demo bank, unless it is declined.
  func up(_ options: [String] = ["--limits-factor", "1000"]) async throws -> Outcome {
    let demo = options.contains("--no-demo") ? [] : ["--demo"]
    return try await command(
      ["up", "--charters", checkout, "--port-offset", "\(offset)", "--gateway-port", "\(port)"]
        + demo + options)
  }

  /// Down and up again on the same data.
  func restart() async throws {
    try await mustSucceed(["down"])
    try await resume()
  }

  /// Up again on what is there.
  func resume() async throws { try await mustSucceed(["up", "--charters", checkout]) }

  private func mustSucceed(_ words: [String]) async throws {
    let outcome = try await command(words)
    guard outcome.exitCode == 0 else { throw DemoFailure(outcome.output) }
  }

  func down() async {
    _ = try? await command("down")
    try? FileManager.default.removeItem(atPath: home)
  }

  /// The process of a service, by its launch record.
  func pid(of service: String) throws -> Int32? {
    guard let bytes = FileManager.default.contents(atPath: "\(home)/launch/\(service).json") else {
      return nil
    }
    return try JSON.parse(Array(bytes))["pid"]?.integer.map { Int32($0) }
  }

  /// The process that the launcher started in the place of `killed`; nil when there is none for 30 seconds.
  func pid(of service: String, otherThan killed: Int32) async throws -> Int32? {
    for _ in 0..<300 {
      if let pid = try pid(of: service), pid != killed { return pid }
      try await Task.sleep(for: .milliseconds(100))
    }
    return nil
  }

  func client() throws -> OutsideClient {
    try OutsideClient(
      host: "localhost", port: port, authorityFile: "\(home)/edge-ca.pem",
      group: MultiThreadedEventLoopGroup.singleton)
  }

  func login() throws -> DemoLogin {
    guard let bytes = FileManager.default.contents(atPath: "\(home)/demo.json") else {
      throw DemoFailure("there is no demo.json")
    }
    return try StrictJSON.decode(DemoLogin.self, from: Array(bytes))
  }

  /// A resident's access token, by the login page.
  func signIn(_ login: String, _ password: String, client id: ClientID) async throws -> String {
    try await BrowserLogin(
      browser: client(), clientID: id, redirectURI: DemoSeeding.redirectURI, randomness: .system
    ).signIn(login: login, password: password, scopes: DemoSeeding.scopes).accessToken
  }

  private static func executables(near folder: String, checkout: String) throws -> String {
    let candidates = [folder, "\(checkout)/.build/debug"]
    guard
      let found = candidates.first(where: {
        FileManager.default.isExecutableFile(atPath: $0 + "/strongroom-service")
      })
    else { throw DemoFailure("the executables are not built: swift build") }
    return found
  }
}

extension Clock {
  static let now = Clock {
    Instant(nanoseconds: Int64(Date().timeIntervalSince1970 * 1_000) * 1_000_000)
  }
}
