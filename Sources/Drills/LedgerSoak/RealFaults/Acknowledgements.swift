import FoundationEssentials
import Glibc

/// What a writer was told, kept outside of the ledger: one line for each batch, written after the answer.
package struct Acknowledgements: Sendable {
  /// The places of each answered batch that were accepted, now or before.
  package private(set) var accepted: [SoakLoad.Name: Set<Int>] = [:]

  package init() {}

  /// Reads the lines; the last may be torn.
  package init(_ bytes: some Sequence<UInt8>) {
    let text = String(decoding: Array(bytes), as: UTF8.self)
    for line in text.split(separator: "\n", omittingEmptySubsequences: true) {
      let words = line.split(separator: " ")
      guard words.count == 4, words[3] == "." else { continue }
      guard let caller = Int(words[0]), let number = Int(words[1]) else { continue }
      let places = words[2] == "-" ? [] : words[2].split(separator: ",").compactMap { Int($0) }
      accepted[SoakLoad.Name(caller: caller, number: number)] = Set(places)
    }
  }

  package init(path: String) {
    self.init((try? Data(contentsOf: URL(filePath: path))) ?? Data())
  }

  package mutating func merge(_ later: Acknowledgements) {
    accepted.merge(later.accepted) { $1 }
  }

  /// The number of the first batch of a caller that nobody has answered.
  package func next(of caller: Int) -> Int {
    (accepted.keys.lazy.filter { $0.caller == caller }.map(\.number).max() ?? -1) + 1
  }

  static func line(_ name: SoakLoad.Name, _ accepted: [Int]) -> String {
    let places = accepted.isEmpty ? "-" : accepted.map(String.init).joined(separator: ",")
    return "\(name.caller) \(name.number) \(places) .\n"
  }
}

/// The file that a writer keeps its answers in.
final class AcknowledgementFile: Sendable {
  private let descriptor: Int32

  init(path: String) throws {
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw SoakFailure.file(path) }
  }
  deinit { close(descriptor) }

  /// One write, so that lines of several callers do not mix.
  func append(_ line: String) throws {
    let bytes = Array(line.utf8)
    guard write(descriptor, bytes, bytes.count) == bytes.count else {
      throw SoakFailure.file("acks")
    }
  }
}

/// A soak that could not be run.
package enum SoakFailure: Error, CustomStringConvertible {
  case file(String)
  case start(String)
  case trace(String)

  package var description: String {
    switch self {
    case .file(let path): "'\(path)' cannot be read or written"
    case .start(let reason): "the writer does not start: \(reason)"
    case .trace(let reason): "the record of writes cannot be read: \(reason)"
    }
  }
}
