import ArgumentParser
import Chassis
import Commands
import Foundation
import Launcher
import OperatorCommands
import StrictJSON

struct DownCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "down", abstract: "Stop the platform: drain every service, callers first.",
    discussion: "Nothing is lost: what was accepted is finished or waits on disk for the next 'up'."
  )

  @OptionGroup var place: PlaceOptions

  @Option(help: ArgumentHelp("Longest wait, seconds (1–600).", valueName: "s"))
  var timeout = 120

  func validate() throws {
    guard (1...600).contains(timeout) else {
      throw ValidationError("--timeout must be from 1 to 600")
    }
  }

  func run() async throws {
    try await reporting(json: place.json) {
      let left = AddressHold.sweep()
      if !left.isEmpty, !place.json {
        let ports = left.map(String.init).joined(separator: ", ")
        print("Removed the address rules that killed launchers had left (gateway ports: \(ports)).")
      }
      try await Self.stop(try place.place(), json: place.json, timeout: timeout)
    }
  }

  /// - Parameter timeout: seconds.
  /// - Throws: `notRunning`, or `OperatorFailure` where it takes too long.
  static func stop(_ home: Home, json: Bool, timeout: Int = 120) async throws {
    guard HomeLock.isHeld(home), let pid = HomeLock.launcherPid(home) else {
      throw LaunchFailure.notRunning
    }
    let began = ContinuousClock.now
    kill(pid, SIGTERM)
    var left = -1
    while HomeLock.isHeld(home) {
      let alive = LaunchRecord.all(home).filter(\.isAlive).count
      if !json, Terminal.output.isTerminal, alive != left {
        print("\r\u{1b}[K  draining, \(alive) services left", terminator: "")
        fflush(nil)
        left = alive
      }
      guard ContinuousClock.now - began < .seconds(timeout) else {
        throw OperatorFailure(
          "the launcher \(pid) still drains after \(timeout) s; see \(home.logFolder)",
          .unavailable)
      }
      try await Task.sleep(for: .milliseconds(50))
    }
    let millis = (ContinuousClock.now - began) / .milliseconds(1)
    if json {
      printLine(.object(["state": .string("down"), "millis": .integer(Int64(millis))]))
    } else {
      let clear = Terminal.output.isTerminal ? "\r\u{1b}[K" : ""
      print(clear + "Strongroom is down, drained in \(LaunchProgress.seconds(Int64(millis))).")
    }
  }
}
