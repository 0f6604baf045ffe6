import DurableFiles
import FoundationEssentials
package import Vocabulary

/// What a process leaves in its data folder while it waits for another to end, before it has a certificate or a door: the
/// launcher then lets it wait as long as it takes.
package struct StandbyNote: Sendable {
  private let path: String

  package init(_ home: Home, _ service: ServiceName) {
    path = "\(home.dataFolder(of: service))/standing-by"
  }

  /// - Parameter pid: of the process that waits. The note of one that was killed is nobody else's.
  package func leave(by pid: Int32) throws {
    try DurableFile.write([(path, Array("\(pid)\n".utf8))], .ownersOnly, draft: ".new")
  }

  package func remove() { try? FileManager.default.removeItem(atPath: path) }

  package func isLeft(by pid: Int32) -> Bool {
    (try? String(contentsOfFile: path, encoding: .utf8)) == "\(pid)\n"
  }
}
