import Foundation
import PolicyEngine

/// Which engine is asked.
package enum PolicyPeerKind: String, Sendable {
  case regopy
  /// The real one, by its Python bindings.
  case openPolicyAgent = "Open Policy Agent"

  /// The script that speaks for it.
  package var script: String { self == .regopy ? "peer.py" : "opa.py" }
}

/// Another engine in a process of its own, started again whenever a policy kills it.
package final class PolicyPeer {
  package enum Failure: Error {
    case cannotStart(String)
  }

  private let python: String
  private let script: String
  private let modules: String?
  private var process: Process?
  private var questions = Pipe()
  private var answers = Pipe()
  private var buffer = Data()

  /// Longest wait for one answer, in milliseconds.
  private static let waitMax: Int32 = 5_000

  /// - Parameter modules: a folder with Python modules of the peer; nil: Python has them.
  package init(python: String, script: String, modules: String? = nil) {
    self.python = python
    self.script = script
    self.modules = modules
  }

  private func start() throws {
    (questions, answers, buffer) = (Pipe(), Pipe(), Data())
    let process = Process()
    process.executableURL = URL(filePath: python)
    process.arguments = [script]
    if let modules {
      process.environment = ProcessInfo.processInfo.environment.merging(
        ["PYTHONPATH": modules]
      ) { $1 }
    }
    process.standardInput = questions
    process.standardOutput = answers
    process.standardError = FileHandle.nullDevice
    do {
      try process.run()
    } catch {
      throw Failure.cannotStart("\(python): \(error.localizedDescription)")
    }
    // A peer that died is an answer, too, and not the end of this process.
    signal(SIGPIPE, SIG_IGN)
    self.process = process
  }

  /// What it makes of each input; all are errors where it died or took too long.
  package func answers(_ question: PolicyQuestion) throws -> [PolicyDispute.Answer] {
    if process == nil { try start() }
    try? questions.fileHandleForWriting.write(contentsOf: Data(question.line.utf8))
    while true {
      if let end = buffer.firstIndex(of: 0x0a) {
        let line = Array(buffer[..<end])
        buffer = Data(buffer[(end + 1)...])
        return PolicyDispute.theirs(line, count: question.inputs.count)
      }
      var wait = pollfd(
        fd: answers.fileHandleForReading.fileDescriptor, events: Int16(POLLIN), revents: 0)
      let isReady = poll(&wait, 1, Self.waitMax) > 0
      let bytes = isReady ? answers.fileHandleForReading.availableData : Data()
      guard !bytes.isEmpty else {
        end()
        return question.inputs.map { _ in .died }
      }
      buffer += bytes
    }
  }

  package func end() {
    // It inherits this thread's mask, in which the gentler signals are blocked.
    if let process { kill(process.processIdentifier, SIGKILL) }
    process?.waitUntilExit()
    process = nil
  }
}
