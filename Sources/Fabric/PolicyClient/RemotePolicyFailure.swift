import HTTPLine

/// Why an Open Policy Agent gave no decision. None of them is one: whoever asked must refuse.
package enum RemotePolicyFailure: Error, Hashable, Sendable, CustomStringConvertible {
  /// The URL, a path, or a file of certificates cannot be used; the text says which and why.
  case misconfigured(String)
  /// No connection was had.
  case unreachable
  /// The other end did not prove to be the server that was asked for.
  case notTheServer
  /// Too many questions wait already.
  case overloaded
  /// The time ran out.
  case deadlineExceeded
  /// The connection went while the answer was awaited.
  case answerLost
  /// The question, or the answer, is larger than allowed.
  case tooLarge
  /// The answer is not what an Open Policy Agent gives.
  case answerMalformed(String)
  /// Answered with another status than 200; code and message as the server says them, shortened.
  case refused(status: Int, code: String, message: String)

  package var description: String {
    switch self {
    case .misconfigured(let reason): reason
    case .unreachable: "the policy server cannot be reached"
    case .notTheServer: "the policy server's certificate was not accepted"
    case .overloaded: "too many questions to the policy server wait"
    case .deadlineExceeded: "the policy server did not answer in time"
    case .answerLost: "the policy server closed the connection without an answer"
    case .tooLarge: "question to or answer from the policy server is too large"
    case .answerMalformed(let reason): "the policy server's answer is malformed: \(reason)"
    case .refused(let status, let code, let message):
      "the policy server refused with \(status) \(code): \(message)"
    }
  }
}

extension RemotePolicyFailure {
  init(_ failure: LineFailure) {
    switch failure {
    case .unreachable: self = .unreachable
    case .notProven: self = .notTheServer
    case .overloaded: self = .overloaded
    case .deadlineExceeded: self = .deadlineExceeded
    case .answerLost: self = .answerLost
    case .answerTooLarge: self = .tooLarge
    case .answerMalformed: self = .answerMalformed("not one answer in HTTP")
    }
  }
}
