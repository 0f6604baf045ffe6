import AuditAPI
package import Chassis
import Foundation
import Launcher
package import MerkleLog
import Vocabulary

/// The audit log as it lies on a disk, read from its files alone.
package enum AuditLogFolder {
  /// The log, or an archive of it, in any folder.
  package static func files(_ folder: String) -> LogFiles {
    LogFiles { path in (try? WholeFile.read("\(folder)/\(path)")) ?? nil }
  }

  /// The log's key as it lies beside the log; an auditor compares with a copy from elsewhere.
  package static func verifierKey(of home: Home) -> VerifierKey? {
    let keeper = AuditOperations.appendRecords.service
    guard
      let bytes = try? WholeFile.read(
        "\(home.dataFolder)/\(keeper)/log/\(LogFiles.verifierKeyPath)")
    else { return nil }
    return VerifierKey(
      String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
  }
}
