import FoundationEssentials
import Gateway
import NIOCore
import StrictJSON
import Vocabulary

extension ConformanceSuite {
  /// llhttp, smuggler, the HTTP garden; JSON's edge cases and naughty strings.
  static let http = ConformanceSuite(
    "http", "the door's requests (llhttp, smuggler, http-garden), JSON, naughty strings",
    folder: "http"
  ) { folder, told in
    for item in try folder.cases("llhttp-cases.json") { try told(llhttp(item)) }
    for item in try folder.cases("smuggler-te-mutations.json") { try told(smuggled(item)) }
    for item in try folder.cases("http-garden-cases.json") { try told(garden(item)) }
    for item in try folder.cases("JSONTestSuite.json") { try told(jsonText(item)) }
    for (number, item) in try folder.cases("blns.json").enumerated() {
      told(try naughtyString(number, item.string ?? ""))
    }
  }

  /// A malformed request must be refused; of the well formed we refuse more than llhttp, each for a reason of ours.
  private static func llhttp(_ item: JSON) throws -> CaseResult {
    let meta = item["meta"]
    let id = "llhttp \(item["file"]?.string ?? "") \(item["name"]?.string ?? "")"
    let asks = item["error"]?.array != nil
    func outOfScope(_ reason: String) -> CaseResult {
      CaseResult(
        id, expected: asks ? "refused" : "read", came: "", verdict: .outOfScope, reason: reason)
    }
    guard meta?["type"]?.string?.hasPrefix("request") == true, item["kind"]?.string == "http" else {
      return outOfScope("llhttp: answers and bare request targets: the door reads requests")
    }
    guard meta?["pause"] == nil, meta?["skipBody"] == nil else {
      return outOfScope("llhttp: pausing and skipping bodies are llhttp's own interface")
    }
    let reading = RequestReading(try item.base64("input_b64"))
    guard asks else {
      return reading.fault == nil
        ? CaseResult(id, expected: "read", came: "read")
        : CaseResult(
          id, expected: "read", came: "refused (\(reading.came))", verdict: .passed,
          reason: "stricter on purpose")
    }
    // A head that is not whole yet is refused by the clock, never forwarded; a method that nobody knows has no route (405).
    let isRefused =
      reading.fault != nil || reading.contents.isEmpty || reading.unknownMethod != nil
    return CaseResult(id, accepts: false, accepted: !isRefused, because: reading.came)
  }

  /// Content-Length stands beside the mutated field in every template: chunked understood is two lengths, and anything else
  /// that is not plainly another field is no well formed line. A template may only pass with its five counted bytes.
  private static func smuggled(_ item: JSON) throws -> CaseResult {
    var head = try item.base64("header_template_b64")
    for (name, value) in [
      ("__METHOD__", "POST"), ("__ENDPOINT__", "/"), ("__HOST__", "h"), ("__RANDOM__", "1"),
      ("__REPLACE_CL__", "5"),
    ] { head.replace(Array(name.utf8), with: Array(value.utf8)) }
    let reading = RequestReading(head + Array("\r\n0\r\n\r\n".utf8))
    let isCounted = reading.contents.first == 5 && reading.fault == nil
    return CaseResult(
      "smuggler \(item["name"]?.string ?? "")", expected: "refused, or read by its length",
      came: reading.came, verdict: reading.fault != nil || isCounted ? .passed : .failed)
  }

  private static func garden(_ item: JSON) throws -> CaseResult {
    let payloads = (item["payloads_b64"]?.array ?? []).compactMap { payload in
      payload.string.flatMap { Data(base64Encoded: $0) }
    }
    let reading = RequestReading(payloads.flatMap { [UInt8]($0) })
    let isRefused = reading.fault != nil
    let expected = item["expect"]?.string ?? ""
    let isRight =
      switch expected {
      case "reject", "malformed": isRefused
      case "accept": !isRefused && reading.contents.count == 1
      case "reject-or-chunked": isRefused || reading.contents == [0]
      // GET with content is refused here, which is stricter than taking ten bytes, and never eight.
      case "ten-bytes": isRefused || reading.isPending
      // Sent without its body: the second request must be waited for, not answered.
      case "two-requests":
        reading.contents == [0, 34] || (reading.contents == [0] && reading.isPending)
      default: false
      }
    return CaseResult(
      "http-garden \(item["id"]?.string ?? "")", expected: expected, came: reading.came,
      verdict: isRight ? .passed : .failed)
  }

  /// RFC 8259 leaves duplicate names open and the suite wants them accepted; we refuse them, since two readers could each
  /// believe another value.
  private static let stricterJSON: Set<String> = [
    "y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json",
  ]

  private static func jsonText(_ item: JSON) throws -> CaseResult {
    let name = try item.text("name")
    let isAccepted = (try? JSON.parse(item.base64("b64"))) != nil
    let id = "JSONTestSuite \(name)"
    guard let expected = item["expect"]?.string, expected != "either" else {
      return CaseResult(
        id, expected: "either", came: isAccepted ? "accepted" : "refused", verdict: .passed)
    }
    guard !stricterJSON.contains(name) else {
      return CaseResult(
        id, expected: expected, came: isAccepted ? "accepted" : "refused",
        verdict: isAccepted ? .failed : .passed, reason: "stricter on purpose: duplicate names")
    }
    return CaseResult(id, accepts: expected == "accept", accepted: isAccepted)
  }

  /// Through every kind of place that a text has, unchanged to the byte.
  private static func naughtyString(_ number: Int, _ string: String) throws -> CaseResult {
    struct Carrier: Codable {
      var text: String
      var names: [String: String]
      var list: [String]
    }
    let carrier = Carrier(text: string, names: [string: string], list: [string])
    let again = try? StrictJSON.decode(Carrier.self, from: StrictJSON.encode(carrier))
    let texts = again.map { [$0.text] + $0.names.keys + $0.names.values + $0.list } ?? []
    let isSame = texts.count == 4 && texts.allSatisfy { $0.utf8.elementsEqual(string.utf8) }
    return CaseResult(
      "blns[\(number)]", expected: "unchanged", came: isSame ? "unchanged" : "\(texts)")
  }
}

/// What one write of bytes comes to at the door: the requests read from it, and why reading stopped.
private struct RequestReading {
  private(set) var contents: [Int] = []
  /// The first method that the door answers with 405, whatever else is said; then it closes.
  private(set) var unknownMethod: String?
  private(set) var fault: RequestFault?
  private(set) var isPending = false

  /// Reads like the listener: heads and contents in turn, until the bytes end or a rule is broken.
  init(_ bytes: [UInt8]) {
    var buffer = ByteBuffer(bytes: bytes)
    var reader = RequestReader(limits: EdgeLimits())
    do throws(RequestFault) {
      while buffer.readableBytes > 0 {
        guard let head = try reader.head(from: &buffer) else {
          isPending = true
          return
        }
        if HTTPMethod(rawValue: head.method) == nil, !["HEAD", "OPTIONS"].contains(head.method) {
          unknownMethod = unknownMethod ?? head.method
        }
        guard !head.hasUnexpectedContent else { throw .unexpectedContent }
        var content = try ContentReader(head.content, bytesMax: 65_536)
        guard try content.read(from: &buffer) else {
          isPending = true
          return
        }
        contents.append(content.content.readableBytes)
        guard head.keepsAlive else { return }
      }
    } catch { fault = error }
  }

  var came: String {
    "\(contents.count) requests read" + (fault.map { ", then \($0)" } ?? "")
      + (isPending ? ", then waiting" : "")
      + (unknownMethod.map { ", \($0) answered with 405" } ?? "")
  }
}
