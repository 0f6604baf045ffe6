import LedgerSoak
import Testing

@Suite struct `A simulated ledger over a failing disk` {
  static let seeds: UInt64 = 10_000

  @Test func `loses nothing, does nothing twice and never leaves the model`() async {
    let lanes: UInt64 = 2
    let complaints = await withTaskGroup(of: [String].self) { group in
      for lane in 0..<lanes {
        group.addTask {
          (1...Self.seeds).filter { $0 % lanes == lane }.compactMap { seed in
            LedgerSimulation.run(seed).map {
              "./strongroom soak ledger --seed \(seed): \($0)"
            }
          }
        }
      }
      return await group.reduce(into: []) { $0 += $1 }
    }
    print("ledger simulation: \(Self.seeds) seeds, \(complaints.count) complaints")
    #expect(complaints.isEmpty, "\(complaints.first ?? "")")
  }

  @Test(arguments: PlantedFault.allCases)
  func `notices what is planted`(_ fault: PlantedFault) {
    let found = (1...UInt64(600)).first { LedgerSimulation.run($0, steps: 60, fault: fault) != nil }
    #expect(found != nil, "\(fault) was not noticed")
    if let found { print("ledger simulation: \(fault.rawValue) noticed by seed \(found)") }
  }
}
