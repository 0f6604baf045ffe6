package import Chassis
package import Charters
import Foundation
package import Storage
import StrictJSON
package import Vocabulary

/// Takes a home's stores from their files to a database, service by service, while the platform is down. Each is carried by
/// its service's own program, under the role that the service will have there; safe to repeat after an interruption.
package struct HomeMove: Sendable {
  /// A store that did not arrive. Its file is as it was.
  package struct Failure: Error, CustomStringConvertible {
    package let service: ServiceName
    package let reason: String
    package var description: String { "the store of \(service) is not moved: \(reason)" }
  }

  private let home: Home
  private let platform: Platform
  private let binaries: String
  private let charters: CharterSet

  /// Services whose stores are to go, and are still in files.
  package let services: [ServiceName]

  /// Makes roles and schemas there.
  /// - Parameters:
  ///   - charters: those with which it will run.
  ///   - binaries: folder of the services' programs.
  /// - Throws: `LaunchFailure`.
  package init(
    _ home: Home, to database: PostgresLocation, charters: CharterSet, binaries: String,
    randomness: Randomness
  ) throws(LaunchFailure) {
    guard var platform = try PlatformSettings.load(home) else {
      throw .badHome(path: home.path, reason: "no platform has been started from it")
    }
    platform.database = database
    platform = try StoreServers.lookedUp(
      for: platform, earlier: platform, charters: charters, home: home, isMoving: true)
    try StoreServers.settle(platform, home: home, randomness: randomness)
    services = charters.startOrder.filter {
      platform.storeServer(of: $0)?.schema != nil && WholeFile.exists(home.storeFile(of: $0))
    }
    self.home = home
    self.platform = platform
    self.binaries = binaries
    self.charters = charters
  }

  /// - Returns: how many rows, or entries of a journal, are there now.
  /// - Throws: `LaunchFailure`; `Failure`.
  package func move(_ service: ServiceName) throws -> Int {
    guard let server = platform.storeServer(of: service) else { return 0 }
    try StoreServers.copyFiles(for: service, platform, home: home)
    let program = Process()
    let executable = charters[service]?.ownExecutable ?? Unit.ownExecutable
    program.executableURL = URL(filePath: "\(binaries)/\(executable)")
    program.arguments = ["--home", home.path, "--move", "\(service)"]
    program.environment = [:]
    let (input, output, errors) = (Pipe(), Pipe(), Pipe())
    (program.standardInput, program.standardOutput, program.standardError) = (input, output, errors)
    try program.run()
    try input.fileHandleForWriting.write(contentsOf: Data(StrictJSON.encode(server)))
    try input.fileHandleForWriting.close()
    let said = output.fileHandleForReading.readDataToEndOfFile()
    let complaints = errors.fileHandleForReading.readDataToEndOfFile()
    program.waitUntilExit()
    guard program.terminationStatus == 0, let rows = Int(Self.line(said)) else {
      throw Failure(service: service, reason: Self.line(complaints))
    }
    // Written by root, where root moves them; the service reads it as its own user.
    let identity = home.storeIdentityFile(of: service)
    if let bytes = try WholeFile.read(identity) { try WholeFile.write(bytes, to: identity) }
    try KnownStores.forget(service, in: home)
    return rows
  }

  private static func line(_ bytes: Data) -> String {
    String(decoding: bytes, as: UTF8.self).split(separator: "\n").joined(separator: " ")
  }
}
