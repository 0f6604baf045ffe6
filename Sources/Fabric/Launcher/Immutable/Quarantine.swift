import Chassis
import Foundation
import Sandbox
import Vocabulary

/// Where changed and foreign files are kept as evidence: `HOME/quarantine`, the launcher's alone.
/// Nobody executes or reads anything there but people.
struct Quarantine: Sendable {
  /// Most pieces; beyond, the oldest goes.
  static let piecesMax = 32

  private let folder: String

  init(_ home: Home) { folder = home.quarantineFolder }

  /// Keeps what lies at the path under a second name, without taking it away: no moment without a
  /// file. The name, or nil when the kernel refuses.
  func keep(_ path: String, at now: Instant) -> String? {
    taken(path, at: now) { link(path, $0) }
  }

  /// Takes it away.
  func move(_ path: String, at now: Instant) -> String? {
    taken(path, at: now) { rename(path, $0) }
  }

  private func taken(
    _ path: String, at now: Instant, _ take: (String) -> Int32
  ) -> String? {
    // Names begin with the time, so the first are the oldest.
    for name in WholeFile.names(in: folder).dropLast(Self.piecesMax - 1) {
      try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")
    }
    let words = path.split(separator: "/").suffix(2).joined(separator: "-")
    let name = "\(now)-\(words.prefix(160))"
    guard take("\(folder)/\(name)") == 0 else { return nil }
    // A program in quarantine must not be one.
    if FileFacts(at: "\(folder)/\(name)")?.isFile == true {
      chmod("\(folder)/\(name)", 0o400)
    }
    return name
  }
}
