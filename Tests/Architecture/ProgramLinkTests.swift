import Testing

/// What is not linked into a program cannot be called in it, is not built for it, and takes no room in a home.
@Suite struct `Each program` {
  @Test(arguments: [
    (
      "strongroom-service",
      ["Drills", "Fabric/Launcher", "Fabric/PolicyServer", "Fabric/Firewall", "Services/Waf"]
    ),
    ("strongroom-waf", ["Drills", "Fabric/Launcher", "Services/Gateway", "Services/Authority"]),
    ("strongroom-launcher", ["Services", "Drills", "Fabric/PolicyServer", "Fabric/Firewall"]),
    ("strongroom-policy", ["Services", "Drills", "Fabric/Chassis", "Fabric/Launcher"]),
    (
      "strongroom",
      [
        "Services", "Fabric/PolicyServer", "Drills/Drill", "Drills/Load", "Drills/Conformance",
        "Drills/LedgerBench", "Drills/LedgerSoak", "Drills/PlatformSoak", "Drills/PolicyBench",
        "Drills/PolicySoak", "Drills/Probes", "Drills/FuzzTargets",
      ]
    ),
  ])
  func `links only what it is for`(program: String, strangers: [String]) throws {
    let found = try Self.linked(by: program, below: strangers)
    #expect(found.isEmpty, "\(program) links \(found.sorted().joined(separator: ", "))")
  }

  @Test(arguments: [
    ("strongroom-service", "Services"), ("strongroom-waf", "Fabric/Firewall"),
    ("strongroom-launcher", "Fabric/Launcher"),
    ("strongroom-policy", "Fabric/PolicyServer"), ("strongroom-lab", "Drills"),
    ("strongroom", "Drills/Demo"),
  ])
  func `is seen to link what it is for`(program: String, own: String) throws {
    #expect(try !Self.linked(by: program, below: [own]).isEmpty)
  }

  /// Folders of the modules that go into a program. What it has built beside it is a program of its own.
  private static func linked(by program: String, below folders: [String]) throws -> Set<String> {
    let rows = try PackageRows.load()
    let targets = Dictionary(rows.targets.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    var linked: Set<String> = []
    var rest = [program]
    while let name = rest.popLast() {
      for dependency in targets[name]?.dependencies ?? [] {
        guard let target = targets[dependency.name], target.type != "executable",
          let path = target.path, linked.insert(path).inserted
        else { continue }
        rest.append(target.name)
      }
    }
    return linked.filter { path in
      folders.contains { path == "Sources/\($0)" || path.hasPrefix("Sources/\($0)/") }
    }
  }
}
