import Audit
import Authority
import Chassis
import Demo
import Foundation
import Glibc
import MerkleLog
import Storage
import Vocabulary

/// O2: whoever changes, drops, reorders, inserts or rolls back audit records is found out, from the files and a saved
/// checkpoint alone. The live log is read, never written: what the attacker changes is in memory. It is attacked where it
/// grows, so that no attack takes longer on a longer log; what was before is in the verified root all the same.
package enum EvidenceDrill {
  /// Full bundles before the log's end that attackers change, and verification reads.
  private static let bundles: UInt64 = 4

  package static let drill = Drill(
    name: "evidence",
    promise:
      "O2: any change, removal or reordering of audit records is detected by anyone with the log's key.",
    attacks: [
      Attack(
        "control", steps: "verify the newest records of the log as it is, and the root over all",
        expectation: "sound, or nothing below means anything"
      ) { range in
        let log = try Evidence(of: range)
        let findings = verify(range, log.files, log.key, nil)
        return .when(
          findings.isEmpty,
          findings.isEmpty
            ? "\(log.entries.count) records in the first bundle that was read, sound" : findings[0])
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
        var log = try Evidence(of: range)
        // Origin, size, root: the third line.
        guard var text = log.checkpoint,
          let size = text.firstIndex(of: 0x0a).map({ $0 + 1 }),
          let root = text[size...].firstIndex(of: 0x0a).map({ $0 + 1 }), root < text.count
        else { return .notTried("there is no checkpoint") }
        text[root] = text[root] == 0x41 ? 0x42 : 0x41
        log.replaced["checkpoint"] = text
        return seen(verify(range, log.files, log.key, nil))
      },
      Attack(
        "roll-back",
        steps:
          "present the log as it was before the newest records, to somebody who kept the newest checkpoint",
        expectation: "rolled back, by name"
      ) { range in
        let old = try Evidence(of: range)
        // On somebody's behalf, for that is always on record; a stranger's refusals are counted after the first of a minute.
        let token = try await range.tokens(of: 0).accessToken
        _ = try await range.ask("GET", "/v1/accounts", token: token)
        let newer = try await newerCheckpoint(than: old, range)
        guard let newer else { return .notTried("the log did not grow") }
        return seen(verify(range, old.files, old.key, newer))
      },
      forked, stopped,
    ])

  private static func verify(
    _ range: DrillRange, _ files: LogFiles, _ key: VerifierKey, _ older: [UInt8]?
  ) -> [String] {
    guard !range.platform.lacks(.verification) else { return [] }
    return LogVerification(files: files, key: key).verify(older: older, .newestBundles(bundles))
      .findings
      .map(\.description)
  }

  private static let forked = Attack(
    "fork",
    steps:
      "with the log's stolen key, sign a history in which one record is another, for somebody who kept the true checkpoint",
    expectation: "two histories, by name"
  ) { range in
    let log = try Evidence(of: range)
    guard let kept = log.checkpoint else { return .notTried("there is no checkpoint") }
    guard let forged = try log.forged(try await stolenSigner(range)) else {
      return .notTried("the log is incomplete")
    }
    let alone = verify(range, forged, log.key, nil)
    guard alone.isEmpty || range.platform.lacks(.verification) else {
      return .notTried("the forgery is not even sound by itself: \(alone[0])")
    }
    return seen(verify(range, forged, log.key, kept))
  }

  private static func stolenSigner(_ range: DrillRange) async throws -> NoteSigner {
    try CheckpointKey.taken(
      from: range.home.storeFile(of: "audit"), keyring: await range.keyring(of: "audit"))
  }

  private static let stopped = Attack(
    "stop-audit", steps: "stop the audit service for two seconds while money moves",
    expectation: "the payment is answered meanwhile, and on record afterwards"
  ) { range in
    guard let audit = range.processes.first(where: { $0.service == "audit" }) else {
      return .notTried("audit does not run")
    }
    let token = try await range.tokens(of: 0).accessToken
    guard kill(audit.pid, SIGSTOP) == 0 else { return .notTried("it cannot be stopped from here") }
    defer { kill(audit.pid, SIGCONT) }
    async let pause: Void? = try? Task.sleep(for: .seconds(2))
    let answer = try await range.pay(3, from: 0, to: 1, key: range.newKey(), token: token)
    _ = await pause
    kill(audit.pid, SIGCONT)
    return .when(
      answer.status == 201, "\(answer.text) while nobody kept records",
      recordedAs: answer.correlation)
  }

  private static func tampering(
    _ name: String, _ steps: String,
    _ change: @escaping @Sendable (inout [[UInt8]]) -> Void
  ) -> Attack {
    Attack(name, steps: steps, expectation: "verification names it") { range in
      var log = try Evidence(of: range)
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

  private static func newerCheckpoint(than old: Evidence, _ range: DrillRange) async throws
    -> [UInt8]?
  {
    for _ in 0..<50 {
      let now = try Evidence(of: range)
      if let checkpoint = now.checkpoint, checkpoint != old.checkpoint { return checkpoint }
      try await Task.sleep(for: .milliseconds(100))
    }
    return nil
  }

  /// The log at one moment, by its checkpoint of then, and what the attacker puts in its files' places. The log grows on
  /// meanwhile, which takes nothing away of what that checkpoint covers.
  private struct Evidence {
    let key: VerifierKey
    let bundlePath: String
    /// The records of the first bundle that is read.
    let entries: [[UInt8]]
    private let folder: LogFiles
    private let first: UInt64
    private let signed: Checkpoint
    private let note: [UInt8]
    var replaced: [String: [UInt8]] = [:]

    var checkpoint: [UInt8]? { note }
    var files: LogFiles {
      LogFiles { [folder, note, replaced] path in
        replaced[path] ?? (path == LogFiles.checkpointPath ? note : folder.read(path))
      }
    }

    init(of range: DrillRange) throws {
      let path = range.home.dataFolder(of: "audit") + "/log"
      folder = LogFiles { FileManager.default.contents(atPath: "\(path)/\($0)").map(Array.init) }
      let text = String(decoding: folder.read(LogFiles.verifierKeyPath) ?? [], as: UTF8.self)
      // The checkpoint before everything else: what it covers is there.
      guard let note = folder.read(LogFiles.checkpointPath),
        let key = VerifierKey(text.trimmingCharacters(in: .whitespacesAndNewlines))
      else { throw EvidenceMissing(folder: path) }
      signed = try Checkpoint.verified(note, by: key)
      let width = UInt64(TileAddress.widthMax)
      first = (signed.size / width - min(signed.size / width, EvidenceDrill.bundles)) * width
      guard let address = TileAddress.holding(first, of: .entries, size: signed.size),
        let entries = try folder.entries(address)
      else { throw EvidenceMissing(folder: path) }
      self.note = note
      self.key = key
      bundlePath = address.path
      self.entries = entries.map(Array.init)
    }

    /// The same log with the first record that is read another, signed; nil where records are missing.
    func forged(_ signer: NoteSigner) throws -> LogFiles? {
      var growth = try LogGrowth(size: first, of: signed.size, files: folder)
      var made: [String: [UInt8]] = [:]
      func keep(_ files: [LogFile]) { for file in files { made[file.address.path] = file.bytes } }
      while growth.size < signed.size {
        guard
          let address = TileAddress.holding(growth.size, of: .entries, size: signed.size),
          let bundle = try folder.entries(address)
        else { return nil }
        for entry in bundle {
          let isFirst = growth.size == first
          keep(try growth.append(isFirst ? Array(#"{"outcome":"allowed"}"#.utf8) : Array(entry)))
        }
      }
      keep(growth.partialFiles)
      let text = Checkpoint(
        origin: key.name, size: growth.size, root: growth.root
      ).signed(by: signer)
      made[LogFiles.checkpointPath] = text.map { Array($0.utf8) }
      return LogFiles { [made, folder] path in made[path] ?? folder.read(path) }
    }
  }

  private struct EvidenceMissing: Error, CustomStringConvertible {
    let folder: String
    var description: String { "there is no audit log to be read at \(folder)" }
  }
}
