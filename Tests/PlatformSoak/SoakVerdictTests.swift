import PlatformSoak
import Testing
import Vocabulary

@Suite struct `The verdict of a soak` {
  /// Forty looks, half a minute apart.
  private func samples(
    pid: (Int) -> Int32 = { _ in 7 }, residentKiB: (Int) -> Int64 = { _ in 80_000 },
    descriptors: (Int) -> Int = { _ in 60 }, threads: (Int) -> Int = { _ in 12 },
    isMissing: (Int) -> Bool = { _ in false }
  ) -> [SoakSample] {
    (0..<40).map { (look: Int) -> SoakSample in
      let process = SoakSample.Process(
        pid: pid(look), residentKiB: residentKiB(look), descriptors: descriptors(look),
        threads: threads(look))
      return SoakSample(
        at: Instant(seconds: Int64(look) * 30),
        processes: isMissing(look) ? [:] : ["audit": process],
        diskBytes: ["audit": Int64(look) * 300_000], posted: look * 100)
    }
  }

  @Test func `has nothing to say of a level platform, and says what a payment takes`() {
    let verdict = SoakVerdict(samples())
    #expect(verdict.complaints.isEmpty)
    #expect(verdict.services.first?.diskBytesPerPayment == 3_000)
    #expect(verdict.services.first?.residentKiBMax == 80_000)
  }

  @Test func `lets a service grow while it warms up`() {
    let warming = samples(residentKiB: { 40_000 + Int64(min($0, 15)) * 3_000 })
    #expect(SoakVerdict(warming).complaints.isEmpty)
  }

  @Test func `complains of memory that still grows in the last half`() {
    let verdict = SoakVerdict(samples(residentKiB: { 80_000 + Int64($0) * 1_000 }))
    #expect(
      verdict.complaints == ["audit's memory (KiB) still grew in the last half: 105000 to 115000"])
  }

  @Test func `grants exactly the noise of memory`() {
    let step = { (by: Int64) in self.samples(residentKiB: { $0 < 30 ? 80_000 : 80_000 + by }) }
    #expect(SoakVerdict(step(SoakVerdict.Noise.residentKiB)).complaints.isEmpty)
    #expect(SoakVerdict(step(SoakVerdict.Noise.residentKiB + 1)).complaints.count == 1)
  }

  @Test func `complains of descriptors and threads that grow`() {
    let verdict = SoakVerdict(samples(descriptors: { 60 + $0 * 2 }, threads: { 12 + $0 }))
    #expect(verdict.complaints.count == 2)
  }

  @Test func `counts restarts`() {
    let verdict = SoakVerdict(samples(pid: { $0 < 10 ? 7 : $0 < 20 ? 8 : 9 }))
    #expect(verdict.complaints == ["audit was restarted 2 times"])
  }

  @Test func `complains of a service that was not there, though it came back`() {
    let verdict = SoakVerdict(samples(isMissing: { $0 == 12 }))
    #expect(verdict.complaints == ["audit had no process at 1 looks"])
  }

  @Test func `refuses to judge too few samples`() {
    #expect(SoakVerdict(Array(samples().prefix(SoakVerdict.samplesMin - 1))).complaints.count == 1)
  }
}
