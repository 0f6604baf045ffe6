/// A path with parameters: `/v1/holds/{id}/post`. `{name}` stands for one segment; `{name...}`,
/// last only, for one or more. Segments are of unreserved characters and `:` `,` `@` `=`; 16
/// segments and 256 bytes at most.
package struct PathTemplate: Hashable, Sendable, CustomStringConvertible {
  /// One part between slashes.
  package enum Segment: Hashable, Sendable {
    case literal(String)
    case parameter(String)
    case rest(String)
  }

  /// Most segments in a template, and in a path that can match.
  package static let segmentsMax = 16
  /// Longest template, bytes.
  package static let bytesMax = 256

  /// As written.
  package let description: String
  /// In order; empty for `/`.
  package let segments: [Segment]

  /// Names of its parameters, in order.
  package var parameters: [String] {
    segments.compactMap {
      switch $0 {
      case .literal: nil
      case .parameter(let name), .rest(let name): name
      }
    }
  }

  /// Two templates of one shape match the same paths: parameter names left out.
  package var shape: String {
    "/"
      + segments.map {
        switch $0 {
        case .literal(let text): text
        case .parameter: "{}"
        case .rest: "{...}"
        }
      }.joined(separator: "/")
  }

  /// Throws what is wrong with it, in words for the charter's author.
  package init(_ text: String) throws(PathTemplateError) {
    guard text.hasPrefix("/") else { throw PathTemplateError("a path begins with '/'") }
    guard text.utf8.count <= Self.bytesMax else {
      throw PathTemplateError("a path has \(Self.bytesMax) bytes at most")
    }
    description = text
    let parts =
      text == "/" ? [] : text.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= Self.segmentsMax else {
      throw PathTemplateError("a path has \(Self.segmentsMax) segments at most")
    }
    var segments: [Segment] = []
    for (index, part) in parts.enumerated() {
      segments.append(try Self.segment(part, isLast: index == parts.count - 1))
    }
    self.segments = segments
    let names = parameters
    guard Set(names).count == names.count else {
      throw PathTemplateError("a parameter name stands twice in the path")
    }
  }

  private static func segment(
    _ part: Substring, isLast: Bool
  ) throws(PathTemplateError) -> Segment {
    guard part.hasPrefix("{") else {
      guard isPathSegment(part) else {
        throw PathTemplateError(
          "'\(part)' is not a path segment (no empty, '.', '..', '%' or brace)")
      }
      return .literal(String(part))
    }
    guard part.hasSuffix("}"), part.count > 2 else {
      throw PathTemplateError("'\(part)': a parameter is a whole segment, '{name}'")
    }
    var name = part.dropFirst().dropLast()
    let isRest = name.hasSuffix("...")
    if isRest { name = name.dropLast(3) }
    guard let first = name.utf8.first, (97...122).contains(first),
      name.utf8.allSatisfy({ isLetterOrDigit($0) || $0 == 0x5f })
    else { throw PathTemplateError("'\(part)': a parameter's name is [a-z][A-Za-z0-9_]*") }
    guard !isRest || isLast else {
      throw PathTemplateError("'\(part)' takes the rest of the path, so it must be last")
    }
    return isRest ? .rest(String(name)) : .parameter(String(name))
  }
}

/// Why a path template was refused.
package struct PathTemplateError: Error, Hashable, Sendable {
  /// One clause for the charter's author.
  package let reason: String
  init(_ reason: String) { self.reason = reason }
}

/// Whether the text may stand between two slashes: unreserved characters (RFC 3986 §2.3) and `:`
/// `,` `@` `=`, neither empty nor a dot segment.
func isPathSegment(_ text: Substring) -> Bool {
  guard !text.isEmpty, text != ".", text != ".." else { return false }
  return text.utf8.allSatisfy {
    isLetterOrDigit($0) || [0x2d, 0x2e, 0x5f, 0x7e, 0x3a, 0x2c, 0x40, 0x3d].contains($0)
  }
}

func isLetterOrDigit(_ byte: UInt8) -> Bool {
  (97...122).contains(byte) || (65...90).contains(byte) || (48...57).contains(byte)
}
