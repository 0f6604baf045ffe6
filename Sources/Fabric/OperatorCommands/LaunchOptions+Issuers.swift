import ArgumentParser
import Chassis
import Foundation

extension LaunchOptions {
  /// - Throws: `ValidationError` for a file that is none. Nil where nothing was said.
  func issuerChoices() throws -> [IssuerChoice]? {
    guard let issuers else { return nil }
    guard issuers != "none" else { return [] }
    guard let bytes = FileManager.default.contents(atPath: issuers),
      bytes.count <= IssuerFile.bytesMax
    else { throw ValidationError("--issuers \(issuers) is not there, or is too large") }
    do {
      return try IssuerFile.read(Array(bytes))
    } catch {
      throw ValidationError("--issuers \(issuers): \(error)")
    }
  }
}
