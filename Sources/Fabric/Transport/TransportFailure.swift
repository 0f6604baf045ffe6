import HTTPLine

/// Why a call brought no answer. The difference that matters for money: was the request possibly carried out?
package enum TransportFailure: Error, Sendable, Equatable {
  /// No connection was had; the request was certainly not sent.
  case unreachable
  /// The other end did not prove to be the service that was asked for; nothing was sent.
  case notTheService
  /// The circuit is open; nothing was sent.
  case circuitOpen
  /// Too many requests wait already; nothing was sent.
  case overloaded
  /// The connection went while the answer was awaited: it may or may not have been carried out.
  case answerLost
  /// The time ran out; it may or may not have been carried out.
  case deadlineExceeded
  /// The answer was not HTTP, or larger than allowed.
  case answerMalformed

  /// True only where it is certain that the other end never acted.
  package var certainlyNotSent: Bool {
    switch self {
    case .unreachable, .notTheService, .circuitOpen, .overloaded: true
    case .answerLost, .deadlineExceeded, .answerMalformed: false
    }
  }
}

extension TransportFailure {
  init(_ failure: LineFailure) {
    switch failure {
    case .unreachable: self = .unreachable
    case .notProven: self = .notTheService
    case .overloaded: self = .overloaded
    case .answerLost: self = .answerLost
    case .deadlineExceeded: self = .deadlineExceeded
    case .answerMalformed, .answerTooLarge: self = .answerMalformed
    }
  }
}
