import AuditAPI
import Chassis
import Crypto
import Foundation
import Identity
import IdentityAPI
import Storage
import TestKit
import Testing
import Transport
import Vocabulary

@Suite(.onEachStore) struct `Whoever knows a login` {
  private func journey() async throws -> Journey {
    let journey = try await Journey()
    try await journey.addPerson()
    _ = try await journey.provider.registerClient(Journey.publicClient(), journey.visit())
    return journey
  }

  /// Guesses without cookies, as a stranger does.
  private func guess(_ journey: Journey, _ times: Int, from address: String) async throws {
    for _ in 0..<times {
      journey.forgetCookies()
      let answer = try await journey.signIn(
        Journey.request(), password: "wrong staple horse", address: address)
      #expect([401, 429].contains(answer.status))
    }
  }

  @Test func `cannot keep its owner out who comes from another address`() async throws {
    let journey = try await journey()
    try await guess(journey, 200, from: "198.51.100.1")
    journey.forgetCookies()
    #expect(try await journey.signIn(Journey.request(), address: "192.0.2.7").status == 303)
    // Where the guesses come from, the right one is not looked at either.
    journey.forgetCookies()
    #expect(try await journey.signIn(Journey.request(), address: "198.51.100.1").status == 429)
  }

  @Test func `cannot keep its owner out of a browser that is known`() async throws {
    let journey = try await journey()
    #expect(try await journey.signIn(Journey.request(), address: "198.51.100.1").status == 303)
    let mark = try #require(journey.cookie(.browser))
    try await guess(journey, 20, from: "198.51.100.1")
    for turn in 0..<130 { try await guess(journey, 1, from: "203.0.113.\(turn)") }
    journey.forgetCookies()
    let stranger = try await journey.signIn(Journey.request(), address: "192.0.2.8")
    #expect(stranger.status == 429)
    #expect(Int(try #require(stranger.headers["retry-after"])).map { $0 <= 60 } == true)
    journey.keep(mark: mark)
    #expect(try await journey.signIn(Journey.request(), address: "198.51.100.1").status == 303)
    // What others guessed stays counted.
    journey.forgetCookies()
    #expect(try await journey.signIn(Journey.request(), address: "192.0.2.8").status == 429)
  }

  @Test func `guesses no faster in a known browser`() async throws {
    let journey = try await journey()
    _ = try await journey.signIn(Journey.request())
    let mark = try #require(journey.cookie(.browser))
    for turn in 0..<5 {
      journey.forgetCookies()
      journey.keep(mark: mark)
      let answer = try await journey.signIn(
        Journey.request(), password: "wrong staple horse", address: "203.0.113.\(turn)")
      #expect(answer.status == 401)
    }
    journey.forgetCookies()
    journey.keep(mark: mark)
    #expect(try await journey.signIn(Journey.request(), address: "203.0.113.9").status == 429)
  }

  @Test func `is one address for the whole /64 of an IPv6 host`() async throws {
    let journey = try await journey()
    for turn in 0..<5 { try await guess(journey, 1, from: "2001:db8:1:2::\(turn)") }
    journey.forgetCookies()
    let same = try await journey.signIn(Journey.request(), address: "2001:db8:1:2:ffff::1")
    #expect(same.status == 429)
    journey.forgetCookies()
    let other = try await journey.signIn(Journey.request(), address: "2001:db8:1:3::1")
    #expect(other.status == 303)
    #expect(AddressPrefix.of("::ffff:192.0.2.1") == "192.0.2.1")
    #expect(AddressPrefix.of("192.0.2.1") == "192.0.2.1")
    #expect(AddressPrefix.of("fe80::1%eth0") == AddressPrefix.of("fe80::2"))
  }

  @Test func `loses what it counted when the operator unlocks the login`() async throws {
    let journey = try await journey()
    try await guess(journey, 12, from: "198.51.100.1")
    let cleared = try await journey.provider.unlockSignIn(
      SignInUnlock(login: "ADA@example.org"), journey.visit())
    #expect(cleared.throttles == 2)
    journey.forgetCookies()
    #expect(try await journey.signIn(Journey.request(), address: "198.51.100.1").status == 303)
    let nobody = try await journey.provider.unlockSignIn(
      SignInUnlock(login: "nobody@example.org"), journey.visit())
    #expect(nobody.throttles == 0)
    let records = try await journey.records().filter { $0.outcome == "sign-in-unlocked" }
    #expect(records.map(\.subject) == ["\(journey.person)", nil])
    await #expect(throws: PersonRefusal.badLogin) {
      try await journey.provider.unlockSignIn(SignInUnlock(login: " "), journey.visit())
    }
  }

  @Test func `makes the store keep no more than a bounded number of throttles`() async throws {
    let journey = try await journey()
    let heavy = ThrottledSubject([UInt8](repeating: 9, count: 32), .perLogin)
    for _ in 0..<3 { _ = try await journey.store.attempt([heavy], at: journey.now) }
    for turn in 0..<30 {
      let light = ThrottledSubject([UInt8](repeating: UInt8(turn + 10), count: 32), .perPlace)
      _ = try await journey.store.attempt([light], at: journey.now)
    }
    try await journey.store.forgetThrottles(at: journey.now, keeping: 5)
    let left = try await journey.rawStore.read { try $0.rows("SELECT attempts FROM throttles") }
    #expect(left.count == 5)
    // The one that counted most is among them.
    #expect(try left.contains { try $0.integer("attempts") == 3 })
  }
}

@Suite struct `The mark of a known browser` {
  private let key = SymmetricKey(data: [UInt8](repeating: 7, count: 32))
  private let login = [UInt8](repeating: 1, count: 32)
  private let now = Instant(seconds: 1_800_000_000)

  private func mark(salt: UInt8 = 3) -> String {
    BrowserMark.make(
      for: login, at: now, salt: [UInt8](repeating: salt, count: BrowserMark.saltBytes), key: key)
  }

  @Test func `is good for its login, as long as it lives, and for nobody who made it himself`() {
    let subject = BrowserMark.subject(of: mark(), login: login, at: now, key: key)
    #expect(subject != nil)
    #expect(BrowserMark.subject(of: mark(salt: 4), login: login, at: now, key: key) != subject)
    let last = now + BrowserMark.lifetime
    #expect(
      BrowserMark.subject(of: mark(), login: login, at: last - .nanoseconds(1), key: key) != nil)
    let other = [UInt8](repeating: 2, count: 32)
    let foreign = SymmetricKey(data: [UInt8](repeating: 8, count: 32))
    let changed = "B" + mark().dropFirst()
    #expect(BrowserMark.subject(of: mark(), login: login, at: last, key: key) == nil)
    #expect(BrowserMark.subject(of: mark(), login: login, at: now - .seconds(1), key: key) == nil)
    #expect(BrowserMark.subject(of: mark(), login: other, at: now, key: key) == nil)
    #expect(BrowserMark.subject(of: mark(), login: login, at: now, key: foreign) == nil)
    #expect(BrowserMark.subject(of: changed, login: login, at: now, key: key) == nil)
    #expect(BrowserMark.subject(of: nil, login: login, at: now, key: key) == nil)
  }

  @Test func `travels in a cookie that lasts, and that no script reads`() {
    let line = Cookie.browser.setting(mark())
    #expect(line.contains("HttpOnly") && line.contains("Secure") && line.contains("Max-Age="))
    #expect(Cookie.browser.value(in: "\(Cookie.browser.rawValue)=\(mark())") == mark())
    #expect(!Cookie.session.setting(mark()).contains("Max-Age"))
  }
}
