package import Crypto
import Vocabulary

/// Something whose attempts are counted, with the limits that it has.
package struct ThrottledSubject: Equatable, Sendable {
  /// A keyed index; nothing can be read from it.
  package let index: [UInt8]
  /// The login at which the attempts were aimed, so that an operator can clear them; nil for an address alone.
  package let login: [UInt8]?
  package let limits: ThrottleMachine.Limits

  package init(_ index: [UInt8], of login: [UInt8]? = nil, _ limits: ThrottleMachine.Limits) {
    self.index = index
    self.login = login
    self.limits = limits
  }
}

/// Whose throttles one sign-in must pass. Whoever knows a login must not be able to lock its owner out: strangers' guesses
/// count first for the login from *their* address, and a browser in which the owner has signed in before has a throttle
/// of its own, which nobody else's guesses reach.
package enum SignInAttempt: Equatable, Sendable {
  /// From a browser in which this login has signed in before.
  case known(browser: ThrottledSubject)
  /// From any other.
  case stranger(place: ThrottledSubject, address: ThrottledSubject, login: ThrottledSubject)

  /// - Parameters:
  ///   - login: the login's blind index.
  ///   - address: where the attempt comes from, in text.
  ///   - browser: the throttle's index of a known browser (`BrowserMark`); nil for a stranger.
  package init(login: [UInt8], address: String, browser: [UInt8]?, key: SymmetricKey) {
    if let browser {
      self = .known(browser: ThrottledSubject(browser, of: login, .perBrowser))
      return
    }
    let address = LoginHandle.index(ofAddress: AddressPrefix.of(address), key: key)
    let place = HMAC<SHA256>.authenticationCode(
      for: Array("place\u{0}".utf8) + login + address, using: key)
    self = .stranger(
      place: ThrottledSubject(Array(place), of: login, .perPlace),
      address: ThrottledSubject(address, .perAddress),
      login: ThrottledSubject(login, of: login, .perLogin))
  }

  /// Whether nobody has signed in with this login in that browser.
  package var isStranger: Bool {
    switch self {
    case .known: false
    case .stranger: true
    }
  }

  /// All that must agree.
  package var subjects: [ThrottledSubject] {
    switch self {
    case .known(let browser): [browser]
    case .stranger(let place, let address, let login): [place, address, login]
    }
  }

  /// What a right password clears.
  package var forgottenBySuccess: [ThrottledSubject] {
    switch self {
    case .known(let browser): [browser]
    case .stranger(let place, _, _): [place]
    }
  }

  /// From which a right password takes only itself back: others' guesses stay counted.
  package var redeemedBySuccess: [ThrottledSubject] {
    switch self {
    case .known: []
    case .stranger(_, let address, let login): [address, login]
    }
  }
}
