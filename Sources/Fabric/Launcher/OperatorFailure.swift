package import Commands
import StrictJSON
package import Vocabulary

/// Why a command could not do its work on a platform that runs.
package struct OperatorFailure: Error, Sendable, CustomStringConvertible {
  package let description: String
  package let exitCode: CommandExit

  package init(_ description: String, _ exitCode: CommandExit) {
    self.description = description
    self.exitCode = exitCode
  }

  /// What a service said in its problem document (RFC 9457), with the field that it named.
  package static func refused(
    by service: ServiceName, _ status: Int, _ body: [UInt8]
  ) -> OperatorFailure {
    let problem = try? JSON.parse(body)
    let title = problem?["title"]?.string
    let detail = [problem?["field"]?.string, problem?["detail"]?.string].compactMap(\.self)
      .joined(separator: ": ")
    let said = [title, detail.isEmpty ? nil : detail].compactMap(\.self).joined(separator: "; ")
    return OperatorFailure(
      "\(service) refused: \(said.isEmpty ? "status \(status)" : said)", .refused)
  }
}
