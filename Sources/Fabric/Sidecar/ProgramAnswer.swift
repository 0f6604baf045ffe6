package import Chassis
package import Transport
package import Vocabulary

/// Why a program brought no usable answer.
package enum ProgramFailure: Error, Hashable, Sendable, CaseIterable {
  /// Nobody listens; it was certainly not asked.
  case absent
  /// The connection went while the answer was awaited.
  case lost
  /// The time ran out.
  case late
  /// Not HTTP, without a length, or with a status that no answer has.
  case malformed
  case tooLarge

  /// What the caller learns.
  package var problem: Problem {
    switch self {
    case .absent: .unavailable()
    case .lost: .outcomeUnknown
    case .late: .deadlineExceeded
    case .malformed, .tooLarge:
      Problem("program-answer", 502, "The program behind this service gave no usable answer")
    }
  }
}

/// What becomes of a program's answer. Pure. Nothing of its head crosses that is not named here:
/// neither what frames a connection (RFC 9110 §7.6.1) nor what would speak for the door (cookies,
/// policies, CORS).
package enum ProgramAnswer {
  /// Largest body that is read, bytes.
  package static let bytesMax = 4 << 20

  static let passed: Set<String> = [
    "content-type", "content-language", "content-disposition", "cache-control", "etag",
    "last-modified", "expires", "vary", "retry-after", "allow",
  ]

  /// - Throws: `malformed` for what cannot be an answer.
  package static func judge(
    status: Int, headers: Headers, body: [UInt8]
  ) throws(ProgramFailure) -> Answer {
    guard (200..<600).contains(status) else { throw .malformed }
    // What a program says when it fails (a page, a trace of its stack) is for its own log.
    if status >= 500 {
      if status == 503 { return .problem(.unavailable(), correlation: nil) }
      return .problem(
        Problem("program-failed", 502, "The program behind this service failed"), correlation: nil)
    }
    if status >= 400, !isJSON(headers["content-type"]) {
      return .problem(Problem("refused", status, "Refused"), correlation: nil)
    }
    var kept = Headers()
    for field in headers.fields where passed.contains(field.name) && kept[field.name] == nil {
      kept.add(field.name, ProgramRequest.plain(field.value))
    }
    // A redirect may not lead anybody away from this door.
    if let target = headers["location"], target.hasPrefix("/"), !target.hasPrefix("//"),
      !target.contains("\\")
    {
      kept.add("location", ProgramRequest.plain(target))
    }
    return Answer(status: status, headers: kept, body: body)
  }

  private static func isJSON(_ type: String?) -> Bool {
    let media = type?.prefix { $0 != ";" }.lowercased() ?? ""
    return ["application/json", "application/problem+json"].contains(media)
  }
}
