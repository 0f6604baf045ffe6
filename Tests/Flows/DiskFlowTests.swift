import Foundation
import StrictJSON
import TestKit
import Testing

/// The whole platform on a disk of its own, which a service fills.
@Suite(.serialized, .enabled(if: geteuid() == 0, "only root may mount a disk"))
struct `A platform whose disk a service fills` {
  @Test func `finishes what was begun, takes nothing new, and goes on when there is room`()
    async throws
  {
    let (exit, output) = try await drill([])
    #expect(exit == 0, "\(output.suffix(2_000))")
    #expect(output.contains("afterwards 201"), "\(output.suffix(2_000))")
  }

  @Test func `is told apart from one that takes new work until the last byte`() async throws {
    let (exit, output) = try await drill(["--weaken", "disk-reserve"])
    #expect(exit == 1 && output.contains("a new payment got 201"), "\(output.suffix(2_000))")
  }

  private func drill(_ options: [String]) async throws -> (exit: Int32, output: String) {
    let platform = try RunningPlatform()
    let up = try await platform.up(["--limits-factor", "1000"] + options)
    try #require(up.exitCode == 0, "\(up.output)")
    try await platform.command("down")
    let disk = try SmallDisk(holding: platform.home + "/data")
    defer { disk?.remove() }
    do {
      _ = try #require(disk, "mounting a disk is not allowed here")
      try await platform.resume()
      let outcome = try await platform.command("drill", "disk")
      await platform.down()
      return (outcome.exitCode, outcome.output)
    } catch {
      await platform.down()
      throw error
    }
  }
}
