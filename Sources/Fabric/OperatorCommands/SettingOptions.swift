import ArgumentParser
import Chassis
import Foundation
import Launcher

/// What `up` takes of settings.
package struct SettingOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A setting, kept for the next 'up'; 'strongroom settings' lists them. May be repeated.",
      discussion: "An empty VALUE is the default again.", valueName: "NAME=VALUE"))
  var set: [String] = []

  @Option(
    help: ArgumentHelp(
      "File of settings, NAME=VALUE a line; --set goes over it.", valueName: "file"))
  var settingsFile: String?

  package init() {}

  package func validate() throws {
    do {
      _ = try wishes()
    } catch let refusal as SettingRefusal {
      throw ValidationError(refusal.description)
    }
  }

  /// The file's, then those of the command line.
  func wishes() throws -> [SettingWish] {
    var all: [SettingWish] = []
    if let settingsFile {
      guard let bytes = try WholeFile.read(absolutePath(settingsFile)) else {
        throw ValidationError("--settings-file \(settingsFile) is not there")
      }
      all = try SettingWish.all(in: String(decoding: bytes, as: UTF8.self), from: settingsFile)
    }
    return try all + set.map { try SettingWish(line: $0, from: "--set") }
  }

  /// The same options as words for another process, which may stand elsewhere.
  var words: [String] {
    (settingsFile.map { ["--settings-file", absolutePath($0)] } ?? [])
      + set.flatMap { ["--set", $0] }
  }
}
