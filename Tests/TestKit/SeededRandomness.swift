import FoundationEssentials
import Synchronization
package import Vocabulary

extension Randomness {
  /// A repeatable source (SplitMix64) for tests; never for keys.
  package static func seeded(_ seed: UInt64) -> Randomness {
    let generator = SplitMix(seed)
    return Randomness { generator.next() }
  }
}

private final class SplitMix: Sendable {
  private let state: Mutex<UInt64>
  init(_ seed: UInt64) { state = Mutex(seed) }

  func next() -> UInt64 {
    state.withLock { state in
      state &+= 0x9e37_79b9_7f4a_7c15
      var mixed = state
      mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
      mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
      return mixed ^ mixed >> 31
    }
  }
}

/// The seed of this run: `STRONGROOM_SEED`, or one drawn and printed, so that a failure can be
/// repeated.
package func testSeed(_ name: String) -> UInt64 {
  let seed =
    ProcessInfo.processInfo.environment["STRONGROOM_SEED"].flatMap(UInt64.init) ?? Randomness.system
    .next() % 1_000_000
  print("\(name): seed \(seed) (repeat with STRONGROOM_SEED=\(seed))")
  return seed
}
