import Foundation
import Testing

@Suite struct `A simulated ledger over a failing disk` {
  static let seeds = 10_000
  static let steps = 24

  /// What went wrong with a seed; nil where nothing did.
  static func run(_ seed: UInt64, _ fault: PlantedFault? = nil, steps: Int = steps) -> String? {
    var ledger = SimulatedLedger(seed: seed, fault: fault)
    for step in 0..<steps {
      if let complaint = ledger.step() { return "step \(step): \(complaint)" }
    }
    return ledger.verdict()
  }

  @Test func `loses nothing, does nothing twice and never leaves the model`() async {
    let replay = ProcessInfo.processInfo.environment["STRONGROOM_LEDGER_SEED"].flatMap(UInt64.init)
    let seeds = replay.map { $0...$0 } ?? 1...UInt64(Self.seeds)
    let lanes = UInt64(2)
    let complaints = await withTaskGroup(of: [String].self) { group in
      for lane in 0..<lanes {
        group.addTask {
          seeds.filter { $0 % lanes == lane }.compactMap { seed in
            Self.run(seed).map {
              """
              STRONGROOM_LEDGER_SEED=\(seed) swift test --filter LedgerBookTests: \($0)
              """
            }
          }
        }
      }
      return await group.reduce(into: []) { $0 += $1 }
    }
    print("ledger simulation: \(seeds.count) seeds, \(complaints.count) complaints")
    #expect(complaints.isEmpty, "\(complaints.first ?? "")")
  }

  @Test(arguments: PlantedFault.allCases)
  func `notices what is planted`(_ fault: PlantedFault) {
    let found = (1...UInt64(600)).first { Self.run($0, fault, steps: 60) != nil }
    #expect(found != nil, "\(fault) was not noticed")
    if let found { print("ledger simulation: \(fault.rawValue) noticed by seed \(found)") }
  }
}
