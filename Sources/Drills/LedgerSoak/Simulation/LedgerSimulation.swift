/// Seeds of the simulation, one after the other. The same seed does the same, everywhere.
package enum LedgerSimulation {
  /// Drives one ledger over a failing disk.
  /// - Parameters:
  ///   - steps: things that happen; one is a group of batches, an answer of the disk, a crash, a take-over …
  ///   - fault: what the run does wrong on purpose, to see that it is noticed.
  /// - Returns: what went wrong; nil where nothing did.
  package static func run(_ seed: UInt64, steps: Int = 24, fault: PlantedFault? = nil) -> String? {
    var ledger = SimulatedLedger(seed: seed, fault: fault)
    for step in 0..<steps {
      if let complaint = ledger.step() { return "step \(step): \(complaint)" }
    }
    return ledger.verdict()
  }
}
