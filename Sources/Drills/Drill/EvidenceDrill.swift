import Chassis
import Foundation
import MerkleLog
import Vocabulary

/// O2: whoever changes, drops, reorders, inserts or rolls back audit records is found out, from the files and a saved
/// checkpoint alone. The live log is read, never written: the attacker's log is a copy in memory.
package enum EvidenceDrill {
  package static let drill = Drill(
    name: "evidence",
    promise:
      "O2: any change, removal or reordering of audit records is detected by anyone with the log's key.",
    attacks: [
      Attack(
        "control", steps: "verify the log as it is",
        expectation: "sound, or nothing below means anything"
      ) { range in
        let log = try Copy(of: range)
        let findings = verify(range, log.files, log.key, nil)
        return .when(
          findings.isEmpty,
          findings.isEmpty
            ? "\(log.entries.count) records in the last bundle, sound" : findings[0])
      },
      tampering("flip-a-bit", "flip one bit of one record") { $0[$0.count / 2][0] ^= 1 },
      tampering("drop", "take one record out") { $0.remove(at: $0.count / 2) },
      tampering("reorder", "swap two records") { $0.swapAt(0, $0.count - 1) },
      tampering("insert", "put a record in twice") { $0.insert($0[0], at: 1) },
      tampering("truncate", "take the last record away") { $0.removeLast() },
      tampering("rewrite", "put an invented record in a record's place") {
        $0[0] = Array(#"{"outcome":"allowed"}"#.utf8)
      },
      Attack(
        "checkpoint-altered", steps: "write another root into the checkpoint",
        expectation: "the signature no longer holds"
      ) { range in
        var log = try Copy(of: range)
        guard var text = log.checkpoint, let digit = text.firstIndex(of: 0x0a) else {
          return .notTried("there is no checkpoint")
        }
        text[digit + 1] = text[digit + 1] == 0x31 ? 0x32 : 0x31
        log.replaced["checkpoint"] = text
        return seen(verify(range, log.files, log.key, nil))
      },
      Attack(
        "roll-back",
        steps:
          "present the log as it was before the newest records, to somebody who kept the newest checkpoint",
        expectation: "rolled back, by name"
      ) { range in
        let old = try Copy(of: range)
        _ = try await range.ask("GET", "/v1/nothing", token: nil)
        let newer = try await newerCheckpoint(than: old, range)
        guard let newer else { return .notTried("the log did not grow") }
        return seen(verify(range, old.files, old.key, newer))
      },
    ])

  private static func verify(
    _ range: DrillRange, _ files: LogFiles, _ key: VerifierKey, _ older: [UInt8]?
  ) -> [String] {
    guard !range.platform.lacks(.verification) else { return [] }
    return LogVerification(files: files, key: key).verify(older: older).findings
      .map(\.description)
  }

  private static func tampering(
    _ name: String, _ steps: String,
    _ change: @escaping @Sendable (inout [[UInt8]]) -> Void
  ) -> Attack {
    Attack(name, steps: steps, expectation: "verification names it") { range in
      var log = try Copy(of: range)
      guard log.entries.count > 2 else { return .notTried("the log is too short") }
      var entries = log.entries
      change(&entries)
      log.replaced[log.bundlePath] = entries.flatMap { EntryBundle.framed($0) ?? [] }
      return seen(verify(range, log.files, log.key, nil))
    }
  }

  private static func seen(_ findings: [String]) -> Sighting {
    findings.first.map { .held($0) } ?? .breach("the verification found nothing")
  }

  private static func newerCheckpoint(than old: Copy, _ range: DrillRange) async throws -> [UInt8]?
  {
    for _ in 0..<50 {
      let now = try Copy(of: range)
      if let checkpoint = now.checkpoint, checkpoint != old.checkpoint { return checkpoint }
      try await Task.sleep(for: .milliseconds(100))
    }
    return nil
  }

  /// The log's files at one moment, and what the attacker puts in their place.
  private struct Copy {
    let key: VerifierKey
    let bundlePath: String
    /// The records of the first bundle.
    let entries: [[UInt8]]
    private let kept: [String: [UInt8]]
    var replaced: [String: [UInt8]] = [:]

    var checkpoint: [UInt8]? { kept[LogFiles.checkpointPath] }
    var files: LogFiles { LogFiles { [kept, replaced] path in replaced[path] ?? kept[path] } }

    init(of range: DrillRange) throws {
      let folder = range.home.dataFolder(of: "audit") + "/log"
      let (kept, key) = try Self.read(folder)
      guard
        let path = kept.keys.filter({ $0.contains("tile/entries/") }).min(),
        let entries = kept[path].flatMap(EntryBundle.parse)
      else { throw EvidenceMissing(folder: folder) }
      self.kept = kept
      self.key = key
      bundlePath = path
      self.entries = entries.map(Array.init)
    }

    private static func read(_ folder: String) throws -> ([String: [UInt8]], VerifierKey) {
      var kept: [String: [UInt8]] = [:]
      // The checkpoint first: files that are newer than it do no harm, the other way round they are missing.
      for name in [LogFiles.checkpointPath]
        + (FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? [])
      where kept[name] == nil {
        kept[name] = FileManager.default.contents(atPath: "\(folder)/\(name)").map(Array.init)
      }
      let text = String(decoding: kept[LogFiles.verifierKeyPath] ?? [], as: UTF8.self)
      guard let key = VerifierKey(text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
        throw EvidenceMissing(folder: folder)
      }
      return (kept, key)
    }
  }

  private struct EvidenceMissing: Error, CustomStringConvertible {
    let folder: String
    var description: String { "there is no audit log to be read at \(folder)" }
  }
}
