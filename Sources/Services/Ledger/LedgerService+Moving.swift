import LedgerJournal
import LedgerStorage
package import Storage

extension LedgerService {
  /// Entry by entry, each decided once more on its way.
  /// - Throws: what `LedgerMove` says; `BooksDiffer`.
  package static func carry(
    _ source: StoreReader, to target: Store, readBy arrived: StoreReader
  ) async throws -> Int {
    let report = try LedgerMove(from: source, to: target).run()
    let found = try LedgerVerifier(arrived).verify()
    guard found.findings.isEmpty, found.tip == report.tip, found.openHolds == report.openHolds
    else { throw BooksDiffer(finding: found.findings.first.map { "\($0)" }) }
    return Int(report.entries)
  }

  /// What arrived is not what was sent.
  package struct BooksDiffer: Error, CustomStringConvertible {
    let finding: String?
    package var description: String {
      "what arrived is not what was sent: \(finding ?? "another tip")"
    }
  }
}
