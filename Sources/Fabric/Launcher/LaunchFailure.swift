package import Charters
package import Commands
package import Sandbox
package import Vocabulary

/// Why the platform does not come up, in words for the person at the machine. `exitCode` is what
/// the command ends with.
package enum LaunchFailure: Error, Sendable {
  /// Another launcher holds this home.
  case runsAlready(pid: Int32?)
  /// No launcher holds this home.
  case notRunning
  case badHome(path: String, reason: String)
  case badCharters(CharterFaults)
  /// The OpenAPI document beside a charter.
  case badContract(service: ServiceName, reason: String)
  case noCharters(folder: String)
  /// More YAML files than are read.
  case tooManyCharters(folder: String)
  /// A folder given with --with.
  case noCharter(folder: String)
  case portTaken(port: Int, service: ServiceName, reason: String)
  case noExecutable(path: String)
  /// Access policies that cannot be put in force, with all that is wrong.
  case badPolicies(folder: String, faults: [String])
  /// --issuer, --edge-certificate and --edge-key do not fit each other.
  case badDoor(reason: String)
  /// A setting that is none, or is out of range.
  case badSetting(SettingRefusal)
  /// The database that a service's store is to be in names something that is not there.
  /// - service: nil where it is the database of all.
  case badDatabase(service: ServiceName?, reason: String)
  case notReady(service: ServiceName, reason: String, lastLines: [String])
  case system(call: String, code: Int32)
  /// The stage gave up; the service was not started.
  case notConfined(name: String, reason: String)
  /// nft refused the rules that keep services from outside addresses.
  case addressesNotHeld(reason: String)
  /// A program, charter or setting differs from what was pinned at `up`, and could not be put back.
  case notAsPinned(path: String)
  /// `--require-confinement`, and the machine lacks these measures.
  case unconfinable([Lack])
}

extension LaunchFailure: CustomStringConvertible {
  package var exitCode: CommandExit {
    switch self {
    case .runsAlready: .runsAlready
    case .notRunning, .notReady: .unavailable
    case .badHome: .cannotCreate
    case .badCharters, .badContract, .badDoor, .badPolicies, .badSetting, .tooManyCharters:
      .badInput
    case .noCharters, .noCharter, .noExecutable, .badDatabase: .noInput
    case .portTaken, .system, .notConfined, .addressesNotHeld: .system
    case .unconfinable: .unconfined
    case .notAsPinned: .failed
    }
  }

  package var description: String {
    switch self {
    case .runsAlready(let pid):
      "Strongroom runs already from this home" + (pid.map { " (launcher \($0))" } ?? "")
        + "; see 'strongroom status', stop it with 'strongroom down'"
    case .notRunning: "Strongroom does not run from this home; start it with 'strongroom up'"
    case .badHome(let path, let reason): "the home \(path) cannot be used: \(reason)"
    case .badCharters(let faults): "\(faults)\n\(faults.faults.count) fault(s) in the charters"
    case .badContract(let service, let reason):
      "the openapi.yaml of \(service) cannot be served at the door: \(reason)"
    case .noCharters(let folder):
      "there are no charters in \(folder); name the folder with --charters"
    case .tooManyCharters(let folder):
      "there are more than \(CharterFolder.filesMax) YAML files in \(folder) and what is added to it; none may be left out"
    case .noCharter(let folder):
      "there is no charter.yaml in \(folder); 'strongroom charter new NAME --program' writes one"
    case .portTaken(let port, let service, let reason):
      "port \(port), which \(service) needs, cannot be used: \(reason). "
        + "See who has it with \"ss -ltnp 'sport = :\(port)'\", or choose others with --port-offset and --gateway-port"
    case .noExecutable(let path):
      "\(path) is missing"
        + (path.contains("/strongroom") ? "; build it with './strongroom build'" : "")
    case .badPolicies(let folder, let faults):
      faults.map { "\(folder): \($0)" }.joined(separator: "\n")
        + "\n\(faults.count) fault(s) in the access policies; nothing was published"
    case .badSetting(let refusal): refusal.description
    case .badDoor(let reason): "the door cannot open so: \(reason)"
    case .badDatabase(let service, let reason):
      "the database\(service.map { " of \($0)" } ?? "") cannot be used: \(reason)"
    case .notReady(let service, let reason, let lastLines):
      "\(service) did not get ready: \(reason)"
        + (lastLines.isEmpty
          ? "" : "\nits last words:\n" + lastLines.map { "  \($0)" }.joined(separator: "\n"))
    case .system(let call, let code): "\(call): \(errorText(code))"
    case .notConfined(let name, let reason):
      "\(name) could not be confined and was not started: \(reason)"
    case .addressesNotHeld(let reason):
      "services could not be kept from outside addresses, and were not started: \(reason)"
    case .notAsPinned(let path):
      "\(path) is not what was pinned at 'up', and could not be put back. Nothing is started from it; "
        + "look at it and at the quarantine, then 'strongroom down' and 'strongroom up'"
    case .unconfinable(let lacks):
      "this machine cannot confine the services as --require-confinement demands:\n"
        + lacks.map { "  \($0)" }.joined(separator: "\n")
        + "\nChange the machine, or leave the option out: 'strongroom status' then says what is missing"
    }
  }
}
