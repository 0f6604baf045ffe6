import Audit
import Foundation
import MerkleLog
import Testing
import Vocabulary

/// A long log was compared behind an earlier start. What of it is looked at again, and when.
@Suite(.serialized) struct `The past of a log` {
  /// Records before those that each start compares anyway.
  private static let past = 6_144
  private static let count = Int(LogWriter.recordsComparedAtStart) + past
  /// Into the second bundle.
  private static let early = 700
  private static let bundle = "tile/entries/002.gz"

  /// A log in `bench.logPath` that nobody has compared.
  private func written() async throws -> (bench: Bench, parts: Bench.Parts) {
    let bench = try Bench()
    let parts = try await bench.open()
    try await parts.writer.recover()
    try await append(0..<Self.count, to: parts)
    return (bench, parts)
  }

  private func append(_ numbers: Range<Int>, to parts: Bench.Parts) async throws {
    for start in stride(from: numbers.lowerBound, to: numbers.upperBound, by: 500) {
      _ = try await parts.append(sampleRecords(start..<min(start + 500, numbers.upperBound)))
    }
    try await parts.writer.publish()
  }

  /// The next life, on a copy of the folder that it was left in: the lock is the process's own until it ends.
  private func life(
    _ bench: Bench, after parts: Bench.Parts, on log: String, _ name: String
  ) async throws -> (parts: Bench.Parts, log: String) {
    let copy = try bench.copy(log, to: name)
    return (try await bench.parts(on: parts.store, log: copy), copy)
  }

  private func alter(_ log: String, _ path: String, entry: Int) throws {
    let url = URL(filePath: "\(log)/\(path)")
    let entries = try #require(
      PackedBundle.unpacked([UInt8](Data(contentsOf: url))).flatMap(EntryBundle.parse))
    let altered = entries.enumerated().map { $0 == entry ? [0x7b, 0x7d] : Array($1) }
    let framed = altered.flatMap { EntryBundle.framed($0) ?? [] }
    try Data(try #require(PackedBundle.packed(framed))).write(to: url)
  }

  private func mark(_ parts: Bench.Parts) -> ComparisonMark? {
    parts.folder.read("compared").flatMap {
      ComparisonMark.verified($0, by: parts.signer.verifierKey)
    }
  }

  /// Portions of a round until one ends.
  private func round(_ parts: Bench.Parts) async throws -> UInt64? {
    for _ in 0..<1_000 {
      if let size = try await parts.writer.compareAgain(after: .seconds(3_600)) { return size }
    }
    return nil
  }

  @Test func `is compared once, and the next start goes on behind what was`() async throws {
    let (bench, parts) = try await written()
    let (first, log) = try await life(bench, after: parts, on: bench.logPath, "first")
    try await first.writer.recover()
    #expect(mark(first) == nil)
    try await first.writer.comparePast()
    #expect(mark(first)?.compared.size == UInt64(Self.past))

    // More records, so that the next start has a part that nobody has compared; altered there, and before the mark.
    try await append(Self.count..<Self.count + 1_024, to: first)
    let late = "tile/entries/\("0\(Self.past / 256)".suffix(3)).gz"
    let (second, altered) = try await life(bench, after: parts, on: log, "second")
    try alter(altered, late, entry: 5)
    try alter(altered, Self.bundle, entry: Self.early % 256)
    try await second.writer.recover()
    // Behind the mark: at the start, and by its place.
    await #expect(throws: LogFault.entryDiffers(index: UInt64(Self.past + 5))) {
      try await second.writer.comparePast()
    }
    #expect(second.published.isShut)
  }

  @Test func `is looked at again, round after round, and what was altered meanwhile shuts the log`()
    async throws
  {
    let (bench, parts) = try await written()
    let (first, log) = try await life(bench, after: parts, on: bench.logPath, "first")
    try await first.writer.recover()
    try await first.writer.comparePast()
    #expect(try await round(first) == UInt64(Self.count))
    #expect(mark(first)?.compared.size == UInt64(Self.count / 256 * 256))
    #expect(mark(first)?.round.size == 0)

    let (second, altered) = try await life(bench, after: parts, on: log, "second")
    try alter(altered, Self.bundle, entry: Self.early % 256)
    try await second.writer.recover()
    try await second.writer.comparePast()
    #expect(!second.published.isShut)
    await #expect(throws: LogFault.entryDiffers(index: UInt64(Self.early))) {
      try await round(second)
    }
    #expect(second.published.isShut)
    #expect(try await second.writer.publish() == 0)
    let (third, _) = try await life(bench, after: parts, on: altered, "third")
    await #expect(throws: LogFault.self) { try await third.writer.recover() }
  }

  @Test func `is found altered also where records and leaves were altered together`() async throws {
    let (bench, parts) = try await written()
    let (first, log) = try await life(bench, after: parts, on: bench.logPath, "first")
    try await first.writer.recover()
    try await first.writer.comparePast()
    let (second, altered) = try await life(bench, after: parts, on: log, "second")
    try alter(altered, Self.bundle, entry: Self.early % 256)
    let url = URL(filePath: "\(altered)/\(Self.bundle)")
    let entries = try #require(
      PackedBundle.unpacked([UInt8](Data(contentsOf: url))).flatMap(EntryBundle.parse))
    try Data(entries.flatMap { TreeHash.leaf(Array($0)).bytes }).write(
      to: URL(filePath: "\(altered)/tile/0/002"))
    try await second.writer.recover()
    try await second.writer.comparePast()
    await #expect(throws: LogFault.rootDiffers(size: UInt64(Self.count))) {
      try await round(second)
    }
  }

  @Test func `that was compared in part is taken up where it was left, a round too`() async throws {
    let (bench, parts) = try await written()
    let (first, log) = try await life(bench, after: parts, on: bench.logPath, "first")
    try await first.writer.recover()
    var part: UInt64 = 0
    // A slow machine has not compared a portion by then.
    for attempt in 1...12 where part == 0 {
      let comparing = Task { try await first.writer.comparePast() }
      try await Task.sleep(for: .milliseconds(250 * attempt))
      comparing.cancel()
      _ = try? await comparing.value
      part = mark(first)?.compared.size ?? 0
    }
    #expect(part > 0 && part < UInt64(Self.past))

    let (second, later) = try await life(bench, after: parts, on: log, "second")
    try await second.writer.recover()
    try await second.writer.comparePast()
    #expect(mark(second)?.compared.size == UInt64(Self.past))
    _ = try await second.writer.compareAgain(after: .zero)
    let begun = try #require(mark(second)).round.size
    #expect(begun > 0 && begun < UInt64(Self.count))
    let (third, _) = try await life(bench, after: parts, on: later, "third")
    try await third.writer.recover()
    _ = try await third.writer.compareAgain(after: .zero)
    #expect(try #require(mark(third)).round.size > begun)
  }

  @Test func `is spared from no comparison by a mark that our key did not sign`() async throws {
    let (bench, parts) = try await written()
    let (first, log) = try await life(bench, after: parts, on: bench.logPath, "first")
    try await first.writer.recover()
    try await first.writer.comparePast()
    let ours = String(decoding: try #require(first.folder.read("compared")), as: UTF8.self)
    let seed = [UInt8](repeating: 3, count: 32)
    let stranger = try #require(NoteSigner(name: Bench.origin, seed: seed))
    let forged = try #require(mark(first)?.signed(by: stranger))
    for text in [
      ours.replacing("\n\(Self.past)\n", with: "\n\(Self.past + 256)\n"), forged, "", "x",
    ] {
      let (second, altered) = try await life(bench, after: parts, on: log, "second")
      try Data(text.utf8).write(to: URL(filePath: "\(altered)/compared"))
      try alter(altered, Self.bundle, entry: Self.early % 256)
      try await second.writer.recover()
      await #expect(throws: LogFault.entryDiffers(index: UInt64(Self.early))) {
        try await second.writer.comparePast()
      }
    }
  }

  @Test func `is compared whole within a day, and no portion waits longer than a minute`() {
    for records in [0, 1, 1_023, 16_384, 1_000_000, 10_000_000, 700_000_000] as [UInt64] {
      let pause = LogWriter.pauseBetweenPortions(of: records)
      let portions = Int64(records / 1_024 + 1)
      #expect(pause * portions <= LogWriter.roundMax, "\(records) records")
      #expect(pause >= .milliseconds(100) && pause <= .seconds(60))
    }
    #expect(LogWriter.roundMax == .seconds(24 * 3_600))
  }
}
