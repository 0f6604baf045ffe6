import CModSecurity
import Glibc

/// What is inspected: a request as it came, or only values of one.
package struct InspectedRequest: Sendable {
  /// A name and what stands under it, in the bytes in which it came.
  package typealias Pair = (name: [UInt8], value: [UInt8])

  package var method: String
  /// Path and query.
  package var target: String
  /// As in `1.1`.
  package var version = "1.1"
  package var fields: [Pair] = []
  package var body: [UInt8] = []
  /// Values that the rules see as arguments, whatever the body is.
  package var arguments: [Pair] = []

  package init(method: String, target: String) {
    self.method = method
    self.target = target
  }
}

/// The Core Rule Set in libmodsecurity. Any number of threads may ask at once; an inspection takes its thread for as long as it
/// lasts, so none may be asked on an event loop. A class: it owns what the library has made of the rules.
package final class RuleSet: Sendable {
  /// Matches of one request that are told. What has more is an attack whatever comes after.
  package static let matchesMax = 64

  /// What the rules found.
  package struct Findings: Sendable {
    package var matches: [RuleMatch] = []
    /// The score as the rules themselves have added it up.
    package var total = 0

    package init() {}
  }

  /// The library failed on this request. Nothing is known of it.
  package struct Failure: Error {}

  // The library locks what its rules share, and makes an object of its own for each request.
  private nonisolated(unsafe) let rules: OpaquePointer

  /// Reads and compiles the rules, which takes a moment.
  /// - Throws: `RuleSetFault` with the library's own words.
  package init(_ settings: RuleSettings) throws(RuleSetFault) {
    var fault = [CChar](repeating: 0, count: 1_024)
    let files = settings.files.map { strdup($0) }
    defer { for file in files { free(file) } }
    let paths = files.map { UnsafePointer<CChar>($0) }
    guard
      let rules = strongroom_rules_load(
        settings.text, paths, paths.count, &fault, fault.count)
    else {
      let reason = fault.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      throw RuleSetFault(
        reason: "the rules cannot be read: \(String(decoding: reason, as: UTF8.self))")
    }
    self.rules = rules
  }

  deinit { strongroom_rules_free(rules) }

  /// Runs all rules over a request, on the thread that asks.
  /// - Throws: `Failure`.
  package func inspect(_ request: InspectedRequest) throws(Failure) -> Findings {
    var findings = Findings()
    let total = PackedRequest(request).withPointers { asked in
      withUnsafeMutablePointer(to: &findings) { findings in
        strongroom_rules_inspect(rules, &asked, Self.told, findings)
      }
    }
    guard total >= 0 else { throw Failure() }
    findings.total = Int(total)
    return findings
  }

  private static let told: strongroom_on_match = { context, match in
    guard let match = match?.pointee,
      let findings = context?.assumingMemoryBound(to: Findings.self),
      findings.pointee.matches.count < matchesMax
    else { return }
    findings.pointee.matches.append(
      RuleMatch(
        rule: Int(match.rule), severity: RuleMatch.Severity(rawValue: match.severity),
        place: text(match.variable), text: text(match.value)))
  }

  private static func text(_ bytes: strongroom_bytes) -> String {
    // Names and shapes are short; what follows is of no interest.
    let count = min(bytes.count, 4 * RuleMatch.placeMax)
    return String(
      decoding: UnsafeRawBufferPointer(start: bytes.bytes, count: bytes.bytes == nil ? 0 : count),
      as: UTF8.self)
  }
}

/// A request's texts one after another, so that one pointer reaches all of them.
private struct PackedRequest {
  private typealias Places = (name: Range<Int>, value: Range<Int>)
  private var bytes: [UInt8] = []
  private let method: Int
  private let target: Int
  private let version: Int
  private let body: Range<Int>
  private let fields: [Places]
  private let arguments: [Places]

  init(_ request: InspectedRequest) {
    var bytes: [UInt8] = []
    func put(_ more: some Sequence<UInt8>) -> Range<Int> {
      let start = bytes.count
      bytes += more
      return start..<bytes.count
    }
    func pairs(_ pairs: [InspectedRequest.Pair]) -> [Places] {
      pairs.map { (put($0.name), put($0.value)) }
    }
    // The library ends these at the first zero; the others have their length.
    (method, target, version) = (
      put(request.method.utf8 + [0]).lowerBound, put(request.target.utf8 + [0]).lowerBound,
      put(request.version.utf8 + [0]).lowerBound
    )
    body = put(request.body)
    (fields, arguments) = (pairs(request.fields), pairs(request.arguments))
    self.bytes = bytes
  }

  func withPointers<Outcome>(_ use: (inout strongroom_request) -> Outcome) -> Outcome {
    bytes.withUnsafeBufferPointer { whole in
      whole.withMemoryRebound(to: CChar.self) { whole in
        func piece(_ range: Range<Int>) -> strongroom_bytes {
          strongroom_bytes(
            bytes: whole.baseAddress.map { $0 + range.lowerBound }, count: range.count)
        }
        func text(_ start: Int) -> UnsafePointer<CChar>? { piece(start..<start).bytes }
        func pairs(_ places: [Places]) -> [strongroom_pair] {
          places.map { strongroom_pair(name: piece($0.name), value: piece($0.value)) }
        }
        return pairs(fields).withUnsafeBufferPointer { fields in
          pairs(arguments).withUnsafeBufferPointer { arguments in
            var asked = strongroom_request(
              method: text(method), target: text(target), version: text(version),
              fields: fields.baseAddress, field_count: fields.count, body: piece(body),
              arguments: arguments.baseAddress, argument_count: arguments.count)
            return use(&asked)
          }
        }
      }
    }
  }
}
