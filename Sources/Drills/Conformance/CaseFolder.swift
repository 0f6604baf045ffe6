import Foundation
import StrictJSON

/// A file of cases that is not of the form that its suite has.
package struct CaseFileError: Error, Sendable, CustomStringConvertible {
  package let description: String
}

/// Where a suite's files lie.
struct CaseFolder {
  /// Suites write deeper than anybody who talks to us may.
  static let limits = JSONLimits(depthMax: 64)

  let path: String

  var isThere: Bool { FileManager.default.fileExists(atPath: path) }

  func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: "\(path)/\(name)") }

  /// - Throws: `CaseFileError` where there is no such file.
  func bytes(_ name: String) throws -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: "\(path)/\(name)") else {
      throw CaseFileError(description: "\(path)/\(name) cannot be read")
    }
    return [UInt8](data)
  }

  /// Nil where there is no such file: whoever brings other cases need not bring all kinds of them.
  func json(_ name: String) throws -> JSON? {
    guard has(name) else { return nil }
    let text = try bytes(name)
    do {
      return try JSON.parse(text, limits: Self.limits)
    } catch {
      throw CaseFileError(description: "\(path)/\(name): \(error)")
    }
  }

  /// The elements of a file that is one array; none where there is no such file.
  func cases(_ name: String) throws -> [JSON] {
    guard let json = try json(name) else { return [] }
    guard let cases = json.array else {
      throw CaseFileError(description: "\(path)/\(name) is not a JSON array")
    }
    return cases
  }

  /// Files of this folder and those below it, in order.
  func names(ending suffix: String) -> [String] {
    (FileManager.default.subpaths(atPath: path) ?? []).filter { $0.hasSuffix(suffix) }.sorted()
  }
}

extension JSON {
  /// A member that every case of its suite has.
  func text(_ name: String) throws -> String {
    guard let text = self[name]?.string else {
      throw CaseFileError(description: "a case has no text '\(name)'")
    }
    return text
  }

  func base64(_ name: String) throws -> [UInt8] {
    guard let data = Data(base64Encoded: try text(name)) else {
      throw CaseFileError(description: "'\(name)' of a case is not base64")
    }
    return [UInt8](data)
  }
}
