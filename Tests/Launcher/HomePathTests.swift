import Chassis
import Foundation
import Launcher
import Testing

@Suite struct `The way to a home` {
  private func step(_ owner: UInt32, _ mode: UInt32) -> HomePath.Step {
    HomePath.Step(path: "/x", owner: owner, mode: mode)
  }

  @Test(arguments: [
    (UInt32(0), UInt32(0o040755), true), (1_000, 0o040700, true), (1_001, 0o040755, false),
    (1_001, 0o041777, false), (0, 0o041777, true), (0, 0o040777, false), (1_000, 0o040775, false),
    (1_000, 0o040757, false), (1_000, 0o120777, true), (1_001, 0o120777, false),
  ])
  func `can be relied on where only root and the launcher's user write`(
    _ owner: UInt32, _ mode: UInt32, _ isFine: Bool
  ) {
    #expect((step(owner, mode).fault(for: 1_000) == nil) == isFine)
  }

  @Test func `is looked at in every folder, and through links`() throws {
    let scratch = try Scratch()
    try FileManager.default.createDirectory(
      atPath: "\(scratch.path)/open/below", withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: "\(scratch.path)/link", withDestinationPath: "\(scratch.path)/open/below")
    let homes = ["open/below/home", "link/home", "open"].map { Home("\(scratch.path)/\($0)") }
    for home in homes { try HomePath.require(home) }
    #expect(chmod("\(scratch.path)/open", 0o777) == 0)
    for home in homes {
      #expect { try HomePath.require(home) } throws: {
        "\($0)".contains("can be written by others") && "\($0)".contains("--trust-home-path")
      }
    }
  }

  @Test(.enabled(if: geteuid() == 0)) func `is not another user's`() throws {
    let scratch = try Scratch()
    let folder = "\(scratch.path)/theirs"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    #expect(chown(folder, 1_899_999_998, 1_899_999_998) == 0)
    #expect { try HomePath.require(Home("\(folder)/home")) } throws: {
      "\($0)".contains("belongs to user 1899999998")
    }
  }
}

@Suite struct `The demo bank` {
  private func choice(
    first: Bool = true, there: Bool = false, seen: Bool = true, bind: String = "127.0.0.1",
    asked: Bool = false, declined: Bool = false
  ) -> DemoChoice {
    DemoChoice(
      DemoChoice.Facts(isFirst: first, hasDemo: there, isInteractive: seen, bind: bind),
      asked: asked, declined: declined)
  }

  @Test func `comes only where it was asked for, or to who tries the platform at a terminal`() {
    #expect(choice() == .seed)
    #expect(choice(seen: false) == .leave)
    #expect(choice(first: false) == .leave)
    #expect(choice(first: false, there: true) == .seed)
    #expect(choice(first: false, there: true, seen: false) == .leave)
    #expect(choice(first: false, seen: false, asked: true) == .seed)
    #expect(choice(declined: true) == .leave)
  }

  @Test func `is never put behind a door that others reach`() {
    for bind in ["0.0.0.0", "192.0.2.1"] {
      #expect(choice(bind: bind) == .leave)
      #expect(choice(bind: bind, asked: true) == .refuse)
      #expect(choice(first: false, there: true, seen: false, bind: bind) == .warn)
    }
    #expect(choice(bind: "127.0.0.9", asked: true) == .seed)
  }
}
