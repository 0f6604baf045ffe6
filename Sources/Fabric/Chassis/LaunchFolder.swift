package import Vocabulary

/// What the authority reads in `DIR/launch`, so that whoever writes there can stay below it.
package enum LaunchFolder {
  /// Registrations of others' programs that are read; the platform's own records are read besides.
  package static let registrationsMax = 256
  /// Registrations that may be laid down: one less than are read.
  package static let registrationsKept = registrationsMax - 1
  /// Bytes of one record.
  package static let recordBytesMax = 16_384

  /// The operator's programs besides the command itself.
  package enum OperatorProgram: String, CaseIterable, Sendable {
    case launcher, lab
  }
  /// File of the operator's record of this program; no service's name has a dot.
  package static func record(
    of program: OperatorProgram, as service: ServiceName
  ) -> String { "\(service).\(program.rawValue).json" }
}
