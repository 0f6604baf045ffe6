import FoundationEssentials

/// The public conformance suites that lie beside the checkout. They are not part of the product:
/// where they are missing a test says "skipped: no testdata" and passes.
package enum Testdata {
  /// The folder of one area, for example `merkle`; nil, after saying so, where it is missing. The
  /// root is `STRONGROOM_TESTDATA`, or `../shared/testdata` relative to the checkout.
  package static func folder(_ area: String, source: String = #filePath) -> String? {
    let checkout = source.components(separatedBy: "/Tests/").first ?? "."
    let root =
      ProcessInfo.processInfo.environment["STRONGROOM_TESTDATA"] ?? checkout + "/../shared/testdata"
    let folder = root + "/" + area
    guard FileManager.default.fileExists(atPath: folder) else {
      print("skipped: no testdata (\(folder))")
      return nil
    }
    return folder
  }

  /// The bytes of one file, by its path below the root; nil, after saying so, where the folder is
  /// missing.
  package static func file(_ path: String, source: String = #filePath) throws -> [UInt8]? {
    guard let area = path.split(separator: "/").first,
      let folder = folder(String(area), source: source)
    else { return nil }
    let rest = path.dropFirst(area.count)
    return [UInt8](try Data(contentsOf: URL(filePath: folder + rest)))
  }
}
