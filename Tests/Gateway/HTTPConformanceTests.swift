import Foundation
import Gateway
import NIOCore
import TestKit
import Testing

/// What one write of bytes came to: the requests read from it, and why reading stopped.
private struct Reading {
  var contents: [Int] = []
  var fault: RequestFault?
  var isPending = false

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
}

private func cases(_ name: String) throws -> [[String: Any]]? {
  guard let bytes = try Testdata.file("http/\(name)") else { return nil }
  return try JSONSerialization.jsonObject(with: Data(bytes)) as? [[String: Any]]
}

private func bytes(_ value: Any?) -> [UInt8] {
  (value as? String).flatMap { Data(base64Encoded: $0) }.map(Array.init) ?? []
}

@Suite struct `The request reader, against public cases,` {
  @Test func `refuses every llhttp request that llhttp refuses`() throws {
    guard let all = try cases("llhttp-cases.json") else { return }
    var asked = 0
    var refused = 0
    var stricter = 0
    var accepted = 0
    for entry in all {
      let meta = entry["meta"] as? [String: Any] ?? [:]
      guard let type = meta["type"] as? String, type.hasPrefix("request"),
        entry["kind"] as? String == "http", meta["pause"] == nil, meta["skipBody"] == nil
      else { continue }
      let reading = Reading(bytes(entry["input_b64"]))
      if entry["error"] is [Any] {
        asked += 1
        // A head that is not whole yet is refused by the clock, never forwarded; CONNECT has no
        // route (501).
        let input = String(decoding: bytes(entry["input_b64"]), as: UTF8.self)
        let isRefused =
          reading.fault != nil || reading.contents.isEmpty || input.hasPrefix("CONNECT")
        if isRefused { refused += 1 } else { print("accepted: \(entry["name"] ?? "")") }
      } else if reading.fault == nil {
        accepted += 1
      } else {
        stricter += 1
      }
    }
    print(
      "llhttp: \(refused) of \(asked) malformed requests refused; of the well formed, "
        + "\(accepted) read and \(stricter) refused on purpose (version, host, extensions, …)")
    #expect(refused == asked)
    #expect(asked > 20)
  }

  @Test func `never reads a mutated transfer encoding in two ways`() throws {
    guard let all = try cases("smuggler-te-mutations.json") else { return }
    var passed = 0
    for entry in all {
      var head = bytes(entry["header_template_b64"])
      for (name, value) in [
        ("__METHOD__", "POST"), ("__ENDPOINT__", "/"), ("__HOST__", "h"), ("__RANDOM__", "1"),
        ("__REPLACE_CL__", "5"),
      ] { head = replacing(Array(name.utf8), with: Array(value.utf8), in: head) }
      let reading = Reading(head + Array("\r\n0\r\n\r\n".utf8))
      // Content-Length stands beside it in every template: chunked understood is two lengths, and
      // anything else that is not plainly another field is no well formed line. A template may only
      // pass with its five counted bytes.
      let isCounted = reading.contents.first == 5 && reading.fault == nil
      let name = entry["name"] as? String ?? ""
      if reading.fault != nil || isCounted { passed += 1 } else { print("two readings: \(name)") }
      if isCounted { print("read by length: \(name)") }
    }
    print("smuggler: \(passed) of \(all.count) passed")
    #expect(passed == all.count)
  }

  @Test func `agrees with the http garden`() throws {
    guard let all = try cases("http-garden-cases.json") else { return }
    var passed = 0
    for entry in all {
      let payloads = (entry["payloads_b64"] as? [String] ?? []).map { bytes($0) }
      let reading = Reading(payloads.flatMap { $0 })
      let isRefused = reading.fault != nil
      let isPassed =
        switch entry["expect"] as? String {
        case "reject", "malformed": isRefused
        case "accept": !isRefused && reading.contents.count == 1
        case "reject-or-chunked": isRefused || reading.contents == [0]
        // GET with content is refused here, which is stricter than taking ten bytes, and never
        // eight.
        case "ten-bytes": isRefused || reading.isPending
        // Sent without its body: the second request must be waited for, not answered.
        case "two-requests":
          reading.contents == [0, 34] || (reading.contents == [0] && reading.isPending)
        default: false
        }
      if isPassed { passed += 1 } else { print("failed: \(entry["id"] ?? "") \(reading)") }
    }
    print("http garden: \(passed) of \(all.count) passed")
    #expect(passed == all.count)
  }
}

private func replacing(_ name: [UInt8], with value: [UInt8], in bytes: [UInt8]) -> [UInt8] {
  var result: [UInt8] = []
  var index = 0
  while index < bytes.count {
    if bytes[index...].starts(with: name) {
      result += value
      index += name.count
    } else {
      result.append(bytes[index])
      index += 1
    }
  }
  return result
}
