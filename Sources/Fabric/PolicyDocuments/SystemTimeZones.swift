import Foundation
package import PolicyEngine

extension TimeZones {
  /// Most files that are read.
  private static let filesMax = 2_000

  /// The tz database of this machine, for the policies that ask for times at all: the engine reads
  /// no files itself.
  /// - Parameter root: another folder than the machine's own.
  package static func system(
    for sources: [String], root: String = "/usr/share/zoneinfo"
  ) -> TimeZones {
    guard sources.contains(where: { $0.contains("time.") }),
      let names = FileManager.default.enumerator(atPath: root)
    else { return .none }
    var files: [String: [UInt8]] = [:]
    for case let name as String in names where files.count < filesMax {
      guard let bytes = FileManager.default.contents(atPath: "\(root)/\(name)"),
        bytes.starts(with: "TZif".utf8)
      else { continue }
      files[name] = [UInt8](bytes)
    }
    return TimeZones(files: files)
  }
}
