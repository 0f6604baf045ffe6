import Charters
import Chassis
import Launcher
import StrictJSON
import Vocabulary

/// The program behind a sidecar, as the launcher holds it and the kernel sees it.
struct ProgramStanding: Sendable {
  let service: ServiceName
  let command: [String]
  /// Nil while it does not run.
  let record: LaunchRecord?
  let confinement: ConfinementStanding?

  /// Of every charter that names one.
  static func all(_ charters: CharterSet, in home: Home) -> [ServiceName: ProgramStanding] {
    let addressesAreHeld = AddressHold.isInForce(home)
    let alive = LaunchRecord.programs(home).filter(\.isAlive)
    var standings: [ServiceName: ProgramStanding] = [:]
    for charter in charters.charters {
      guard let program = charter.program else { continue }
      let record = alive.first { $0.service == charter.service }
      standings[charter.service] = ProgramStanding(
        service: charter.service, command: program.command, record: record,
        confinement: record.map {
          ConfinementStanding(
            $0, of: Unit(programOf: charter.service), in: home, addressesAreHeld: addressesAreHeld)
        })
    }
    return standings
  }

  /// It runs, and is held as it was recorded.
  var isSound: Bool { record != nil && confinement?.contradictions.isEmpty == true }

  /// `greeter's program: /usr/bin/python3 service.py, pid 4711, 14 MiB, held as recorded`.
  var line: String {
    let start = "\(service)'s program: \(command.joined(separator: " "))"
    guard let record, let pid = record.pid else { return start + ", does not run" }
    let memory = ProcessTable.residentBytes(pid).map { ", \($0 >> 20) MiB" } ?? ""
    let contradictions = confinement?.contradictions ?? []
    let held =
      contradictions.isEmpty
      ? "held as recorded" : "not held as recorded: " + contradictions.joined(separator: ", ")
    return start + ", pid \(pid)\(memory), \(held)"
  }

  var json: JSON {
    var fields: [String: JSON] = ["command": .array(command.map { .string($0) })]
    if let pid = record?.pid { fields["pid"] = .integer(Int64(pid)) }
    if let executable = record?.executable { fields["executable"] = .string(executable) }
    if let confinement { fields["confinement"] = confinement.json }
    return .object(fields)
  }
}
