/// A disk on which a trace is replayed: what has surely reached it, and what may have.
package struct DiskImage {
  private enum Change {
    case write(at: Int, Range<Int>)
    case cut(to: Int)

    func apply(to content: inout [UInt8], _ data: [UInt8]) {
      switch self {
      case .cut(let size):
        if size < content.count { content.removeLast(content.count - size) }
        if size > content.count { content += [UInt8](repeating: 0, count: size - content.count) }
      case .write(let place, let range):
        let end = place + range.count
        if end > content.count { content += [UInt8](repeating: 0, count: end - content.count) }
        content.replaceSubrange(place..<end, with: data[range])
      }
    }
  }
  private struct File {
    var path: String
    var synced: [UInt8] = []
    /// In order, each with the number of its record.
    var pending: [(record: Int, change: Change)] = []
    /// Whether its folder surely knows of it.
    var isLinked = false
    var isRemoved = false
    /// It was given this name, and its folder may still know the name's former file (`replaced`), or none.
    var isRenamed = false
    var replaced: [File] = []
    /// As a reader sees it before the cut.
    var seen: [UInt8] = []

    /// What is surely on the disk from now on.
    mutating func settle(before record: Int, _ data: [UInt8]) {
      let count = pending.firstIndex { $0.record >= record } ?? pending.count
      for (_, change) in pending.prefix(count) { change.apply(to: &synced, data) }
      pending.removeFirst(count)
    }
  }

  /// What a disk does when it says that it has synced.
  package enum Manner: Sendable {
    case honest
    /// It says so and does nothing, to see that somebody notices.
    case lying
  }

  private let trace: DiskTrace
  private let manner: Manner
  private var random: RandomBatches
  private var files: [String: File] = [:]
  /// The path behind a number: each process of a trace counts anew.
  private var paths: [Int: String] = [:]
  private var done = 0
  /// The first record of the process at work.
  private var first = 0
  /// Whose content a reader's view is kept of.
  private let watched: String

  /// - Parameters:
  ///   - watched: the end of the path of one file that counts as it is read, not as it is synced: what
  ///     the outside has seen.
  package init(_ trace: DiskTrace, manner: Manner = .honest, seed: UInt64, watching watched: String)
  {
    self.trace = trace
    self.manner = manner
    self.watched = watched
    random = RandomBatches(seed: seed)
  }

  /// Replays up to a record.
  package mutating func advance(to count: Int) {
    while done < min(count, trace.records.count) {
      apply(trace.records[done])
      done += 1
    }
  }

  private mutating func apply(_ record: DiskTrace.Record) {
    if record.kind == .began {
      first = done + 1
      return
    }
    if record.kind == .opened {
      let path = String(decoding: trace.bytes[record.data], as: UTF8.self)
      paths[record.file] = path
      if files[path] == nil || record.position == 1 { files[path] = File(path: path) }
    }
    guard let path = paths[record.file] else { return }
    switch record.kind {
    case .opened, .began: break
    case .renamed:
      giveName(path, record)
    case .written:
      change(path, .write(at: record.position, record.data))
    case .cut:
      change(path, .cut(to: record.position))
    case .synced:
      if manner == .honest { sync(path, before: first + record.position) }
    case .syncFailed:
      loseSome(of: path, before: first + record.position)
    case .removed: files[path]?.isRemoved = true
    }
  }

  private mutating func change(_ path: String, _ change: Change) {
    if path.hasSuffix(watched) {
      change.apply(to: &files[path, default: File(path: path)].seen, trace.bytes)
    } else {
      files[path]?.pending.append((done, change))
    }
  }

  private mutating func giveName(_ path: String, _ record: DiskTrace.Record) {
    let target = String(decoding: trace.bytes[record.data], as: UTF8.self)
    var file = files.removeValue(forKey: path) ?? File(path: path)
    file.path = target
    file.isLinked = false
    file.isRenamed = true
    file.replaced = files[target].map { [$0] } ?? []
    files[target] = file
    paths[record.file] = target
  }

  private mutating func sync(_ path: String, before record: Int) {
    files[path]?.settle(before: record, trace.bytes)
    // A folder: what is in it is surely there, or surely gone.
    for (other, known) in files where known.path.hasPrefix(path + "/") {
      guard !known.path.dropFirst(path.count + 1).contains("/") else { continue }
      guard !known.isRemoved else {
        files[other] = nil
        continue
      }
      files[other]?.isLinked = true
      files[other]?.replaced = []
    }
  }

  /// The kernel gives up on pages that it could not write, and never tries them again.
  private mutating func loseSome(of path: String, before record: Int) {
    guard var file = files.removeValue(forKey: path) else { return }
    let count = file.pending.firstIndex { $0.record >= record } ?? file.pending.count
    for (_, change) in file.pending.prefix(count) where random.chance(50) {
      change.apply(to: &file.synced, trace.bytes)
    }
    file.pending.removeFirst(count)
    files[path] = file
  }

  /// What the outside has seen by now.
  package var seen: [UInt8] { files.values.first { $0.path.hasSuffix(watched) }?.seen ?? [] }

  /// The files after a power cut now: of what was not synced any part may be there, in any order, torn at
  /// sectors of 512 bytes. SQLite's shared memory is never synced, and built anew.
  package mutating func cut() -> [String: [UInt8]] {
    var left: [String: [UInt8]] = [:]
    for (_, file) in files.sorted(by: { $0.key < $1.key }) {
      guard !file.path.hasSuffix("-shm"), !file.path.hasSuffix(watched) else { continue }
      if files.values.contains(where: { $0.path.hasPrefix(file.path + "/") }) { continue }
      if file.isRemoved, random.chance(50) { continue }
      if !file.isLinked, !file.isRemoved, file.synced.isEmpty || file.isRenamed,
        random.chance(50)
      {
        if let former = file.replaced.first { left[file.path] = content(of: former) }
        continue
      }
      left[file.path] = content(of: file)
    }
    return left
  }

  private mutating func content(of file: File) -> [UInt8] {
    var content = file.synced
    for (_, change) in file.pending {
      guard random.chance(50) else { continue }
      guard case .write(let place, let data) = change, random.chance(50) else {
        change.apply(to: &content, trace.bytes)
        continue
      }
      for start in stride(from: 0, to: data.count, by: 512) where random.chance(50) {
        let sector = data.lowerBound + start..<min(data.upperBound, data.lowerBound + start + 512)
        Change.write(at: place + start, sector).apply(to: &content, trace.bytes)
      }
    }
    return content
  }
}
