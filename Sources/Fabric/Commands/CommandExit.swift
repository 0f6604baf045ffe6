/// Exit codes of the `strongroom` command, after sysexits(3) where it has a word for it.
package enum CommandExit: Int32, Sendable, CaseIterable {
  case success = 0
  case failed = 1
  case notTried = 2
  case usage = 64
  case badInput = 65
  case noInput = 66
  case unavailable = 69
  case software = 70
  case system = 71
  case cannotCreate = 73
  case outputLost = 74
  case runsAlready = 75
  case refused = 77
  case unconfined = 78
  case interrupted = 130

  /// For `strongroom help exit-codes`.
  package var meaning: String {
    switch self {
    case .success: "done; for a check: everything holds"
    case .failed: "a check found something wrong (a tampered log, an unhealthy service)"
    case .notTried: "a check found nothing wrong, and could not look at everything"
    case .usage: "the command line is wrong"
    case .badInput: "a charter or another input file is wrong"
    case .noInput: "a file or folder that is needed is not there"
    case .unavailable: "the platform does not run, or a service did not get ready"
    case .software: "a defect of ours"
    case .system: "the operating system refused (port in use, no more processes)"
    case .cannotCreate: "the home folder cannot be made or is not ours"
    case .outputLost: "what was to be printed could not be written (a full disk)"
    case .runsAlready: "the platform runs already, from this home"
    case .refused: "a service refused the operator"
    case .unconfined: "--require-confinement, and this machine cannot hold the services so"
    case .interrupted: "interrupted by Ctrl-C"
    }
  }
}
