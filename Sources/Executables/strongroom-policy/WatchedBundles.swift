import Foundation
import PolicyBundles
import PolicyDocuments
import PolicyServer
import Telemetry
import Vocabulary

/// Bundles on disk, by their paths: put in force at the start, and again when their files change. One
/// that is damaged, not signed as it must be, or older is refused, and the one before it stays.
struct WatchedBundles {
  /// How often it is looked whether files changed.
  static let interval = Duration.seconds(1)

  private let paths: [String]
  private let verification: BundleVerification?
  private let service: PolicyService
  private let log: Log
  private let stamps: [String]

  /// Puts all of them in force.
  init(
    paths: [String], verification: BundleVerification?, service: PolicyService, log: Log
  ) throws {
    self.paths = paths
    self.verification = verification
    self.service = service
    self.log = log
    // Before the files are read: what changes while they are is read again.
    stamps = paths.map(PolicyFiles.stamp)
    for path in paths {
      do {
        try activate(path)
      } catch let error as PolicyFilesError {
        throw endPolicy("\(error)", code: 1)
      } catch let error as BundleRefusal {
        throw endPolicy("\(path): \(error)", code: 1)
      }
    }
  }

  private func activate(_ path: String) throws {
    let bundle = try PolicyFiles.bundle(path, verification: verification)
    try service.activate(path, bundle)
    log.info(
      "a bundle is in force",
      ["bundle": .text(path), "revision": .text(bundle.manifest.revision)])
  }

  /// Goes on until it is cancelled.
  func watch() async {
    var stamps = stamps
    while (try? await Task.sleep(for: Self.interval)) != nil {
      for (index, path) in paths.enumerated() {
        let stamp = PolicyFiles.stamp(path)
        guard stamp != stamps[index] else { continue }
        stamps[index] = stamp
        do {
          try activate(path)
        } catch let refusal as BundleRefusal {
          tell(path, "\(refusal)")
        } catch {
          service.refuse(path, BundleRefusal(reason: "\(error)"))
          tell(path, "\(error)")
        }
      }
    }
  }

  private func tell(_ path: String, _ reason: String) {
    log.error(
      "a bundle was refused; the one before it stays in force",
      ["bundle": .text(path), "reason": .text(reason)])
  }
}

extension PolicyFiles {
  /// Differs when a file, or one of a folder's files, does. A file that cannot be read has a stamp, too.
  static func stamp(_ path: String) -> String {
    let files = (try? bundleFiles(path)) ?? [path]
    return files.map { file in
      // Where a link leads, for a bundle may be exchanged by its link.
      let target = URL(filePath: file).resolvingSymlinksInPath().path(percentEncoded: false)
      guard let facts = try? FileManager.default.attributesOfItem(atPath: target),
        let time = facts[.modificationDate] as? Date
      else { return "\(file) ?" }
      return
        "\(file) \(facts[.systemFileNumber] ?? 0) \(facts[.size] ?? 0) \(time.timeIntervalSince1970)"
    }.joined(separator: "\n")
  }
}
