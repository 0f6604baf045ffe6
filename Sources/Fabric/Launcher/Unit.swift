package import Chassis
package import Charters
package import Vocabulary

/// One process that the launcher keeps: a service's own, or the program behind its sidecar.
package struct Unit: Hashable, Sendable, CustomStringConvertible {
  package let service: ServiceName
  package let isProgram: Bool

  /// A service's own process: its code, or its sidecar.
  package init(_ service: ServiceName) {
    self.service = service
    isProgram = false
  }
  /// Somebody else's program.
  package init(programOf service: ServiceName) {
    self.service = service
    isProgram = true
  }

  /// `greeter` or `greeter.program`, also the beginning of its files' names: a service's name has no
  /// dot.
  package var description: String { isProgram ? "\(service).program" : "\(service)" }
}

extension CharterSet {
  /// All processes in the order in which they start: a program before its sidecar, which is ready
  /// only when the program answers.
  var units: [Unit] {
    startOrder.flatMap { name in
      self[name]?.program == nil ? [Unit(name)] : [Unit(programOf: name), Unit(name)]
    }
  }
}

extension Unit {
  /// Our own program that runs every service that has none of its own, and every sidecar.
  package static let ownExecutable = "strongroom-service"
}

extension Charter {
  /// The file that this process executes.
  /// - Parameter binaries: folder of our own executables.
  package func executable(of unit: Unit, in binaries: String) -> String {
    if let program, unit.isProgram { return program.command[0] }
    return "\(binaries)/\(ownExecutable)"
  }

  /// The name of our own program that runs its code, or is its sidecar.
  package var ownExecutable: String {
    switch executable {
    case .shared: Unit.ownExecutable
    case .own: "strongroom-\(service)"
    }
  }

  /// What our own program is told: the home, and whose process it is.
  func arguments(in home: Home) -> [String] {
    ["--home", home.path, program == nil ? "--service" : "--sidecar", "\(service)"]
  }
}

extension Home {
  /// Who the launcher started; by that of a service the authority attests it. A program's lies where
  /// the authority does not look, because a program has no identity.
  package func launchRecord(of unit: Unit) -> String {
    unit.isProgram ? "\(launchFolder)/\(unit)" : launchRecord(of: unit.service)
  }
  /// How the process of this record is held.
  package func holdRecord(of unit: Unit) -> String { "\(launchFolder)/\(unit).hold" }
  package func logFile(of unit: Unit) -> String { "\(logFolder)/\(unit).log" }
}
