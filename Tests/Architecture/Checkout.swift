import Foundation

/// The files of this checkout, as the gates see them.
enum Checkout {
  static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  struct SourceFile: Sendable {
    /// From the checkout's root: `Sources/Services/Ledger/LedgerStore.swift`.
    let path: String
    let text: String
  }

  /// Swift files below a folder, sorted by path.
  static func swiftFiles(_ folder: String) throws -> [SourceFile] {
    let base = root.appending(path: folder)
    let files = FileManager.default.enumerator(at: base, includingPropertiesForKeys: nil)
    return try (files?.allObjects as? [URL] ?? []).filter { $0.pathExtension == "swift" }
      .map {
        SourceFile(
          path: folder
            + $0.path(percentEncoded: false).dropFirst(
              base.path(percentEncoded: false).count),
          text: try String(contentsOf: $0, encoding: .utf8))
      }.sorted { $0.path < $1.path }
  }

  /// All files below a folder by their path from the checkout's root, sorted.
  static func files(_ folder: String) -> [String] {
    let base = root.appending(path: folder).path(percentEncoded: false)
    let names = FileManager.default.enumerator(atPath: base)?.allObjects as? [String] ?? []
    return names.filter { $0.contains(".") }.map { "\(folder)/\($0)" }.sorted()
  }

  static func folders(in folder: String) -> [String] {
    let names = try? FileManager.default.contentsOfDirectory(
      atPath: root.appending(path: folder).path(percentEncoded: false))
    return (names ?? []).filter { !$0.hasPrefix(".") && !$0.contains(".") }.sorted()
  }

  static func text(_ path: String) -> String? {
    try? String(contentsOf: root.appending(path: path), encoding: .utf8)
  }
}
