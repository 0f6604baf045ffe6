import AuditAPI
import AuthorityAPI
import Chassis
import Crypto
import Foundation
import Identity
import IdentityAPI
import Sealing
import Storage
import StrictJSON
import TestKit
import Testing
import Transport
import Vocabulary

@Suite struct `A password hash` {
  @Test func `is argon2id with the parameters of the cheat sheet`() throws {
    let salt = Randomness.seeded(1).bytes(PasswordHash.saltBytes)
    let hash = try #require(PasswordHash.make(of: "correct staple horse", salt: salt))
    #expect(hash.hasPrefix("$argon2id$v=19$m=19456,t=2,p=1$"))
    #expect(hash.utf8.count <= PasswordHash.textBytesMax)
    #expect(PasswordHash.matches(hash, "correct staple horse"))
    #expect(!PasswordHash.matches(hash, "correct staple horsf"))
    #expect(!PasswordHash.matches(hash, ""))
    #expect(!PasswordHash.matches(String(hash.dropLast()), "correct staple horse"))
    #expect(!PasswordHash.matches("", "correct staple horse"))
    let other = Randomness.seeded(2).bytes(PasswordHash.saltBytes)
    #expect(PasswordHash.make(of: "correct staple horse", salt: other) != hash)
  }

  @Test func `of the reference implementation is understood`() {
    // phc-winner-argon2, src/test.c: argon2id, t=2, m=2^16, p=1.
    let known =
      "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
    #expect(PasswordHash.matches(known, "password"))
    #expect(!PasswordHash.matches(known, "passwort"))
  }
}

@Suite struct `The hashing pool` {
  @Test func `refuses what it cannot begin soon, and is free again afterwards`() async throws {
    let pool = HashingPool()
    let gate = DispatchSemaphore(value: 0)
    let refusals = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<(HashingPool.admittedMax + 3) {
        group.addTask {
          do {
            try await pool.run { gate.wait() }
            return false
          } catch {
            return (error as? Problem)?.status == 503
          }
        }
      }
      var refusals = 0
      // The three refused come back while the others still wait.
      for _ in 0..<3 { if await group.next() == true { refusals += 1 } }
      for _ in 0..<HashingPool.admittedMax { gate.signal() }
      for await refused in group where refused { refusals += 1 }
      return refusals
    }
    #expect(refusals == 3)
    #expect(try await pool.run { 7 } == 7)
  }
}

@Suite struct `A hashing pool that strangers flood` {
  @Test func `has places left for who is known`() async throws {
    let pool = HashingPool()
    let gate = DispatchSemaphore(value: 0)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<HashingPool.strangersMax {
        group.addTask { try await pool.run(isStranger: true) { gate.wait() } }
      }
      while pool.jobsBegun < HashingPool.strangersMax { await Task.yield() }
      await #expect(throws: Problem.self) { try await pool.run(isStranger: true) {} }
      // Admitted, though it waits until a worker is free.
      group.addTask { try await pool.run { gate.wait() } }
      while pool.jobsBegun <= HashingPool.strangersMax { await Task.yield() }
      for _ in 0...HashingPool.strangersMax { gate.signal() }
      try await group.waitForAll()
    }
  }
}

@Suite struct `A password` {
  @Test(arguments: [
    ("short pass1", PasswordObjection.tooShort), ("aaaaaaaaaaaa", .tooSimple),
    ("abcabcabcabc", .tooSimple), ("123456789012", .tooSimple), ("zyxwvutsrqponm", .tooSimple),
    ("Password1234", .tooCommon), ("Strongroom!2026", .tooCommon), ("ada.lovelace1", .holdsLogin),
    (String(repeating: "long words ", count: 12), .tooLong),
    ("passw0rd1234", .tooCommon), ("1q2w3e4r5t6y7u", .tooCommon), ("P@ssw0rd2024!", .tooCommon),
    ("passwordpassword", .tooCommon), ("Qwerty!2345678", .tooCommon), ("zaq12wsxcde3", .tooCommon),
    ("qwertyuiop[]", .tooCommon), ("111122223333", .tooCommon), ("aaaabbbbcccc", .tooCommon),
    ("abcd1234abcd", .tooCommon), ("elephantelephant", .tooCommon), ("5tr0ngr00m123", .tooCommon),
    ("correcthorsebatterystaple", .tooCommon), ("!QAZ@WSX#EDC", .tooCommon),
    ("michael19851985", .tooCommon), ("trustno1trustno1", .tooCommon),
    ("lovelace-ada-2024", .holdsLogin), ("l0vel4ce123456", .holdsLogin),
  ]) func `is refused`(_ password: String, _ objection: PasswordObjection) {
    #expect(PasswordPolicy.objection(to: password, login: "Ada.Lovelace@example.org") == objection)
  }

  @Test(arguments: [
    "k8fjq2mxz7vp", "vG7#kq9!zRt2", "5f2c9a0b7d13", "otter-velvet-canyon-plum",
    "maple wagon trumpet", "seven quiet herons", "correct staple horse", "wintergarten 73",
    "пароль из слов", "tr4in-lamp-sea", "山川草木花鳥風月雪星空海",
  ]) func `is accepted`(_ password: String) {
    #expect(PasswordPolicy.objection(to: password, login: "ada@example.org") == nil)
  }

  @Test func `has limits`() {
    let words = "quick brown fox jumps over a lazy dog and runs "
    let longest = String((words + words + words).prefix(PasswordPolicy.charactersMax))
    #expect(PasswordPolicy.objection(to: longest, login: "x") == nil)
    #expect(PasswordPolicy.objection(to: longest + "!", login: "x") == .tooLong)
    #expect(PasswordPolicy.objection(to: "brown fox 12", login: "x") == nil)
    #expect(PasswordPolicy.objection(to: "brown fox 1", login: "x") == .tooShort)
  }

  @Test func `is the same however the accent was typed`() {
    #expect(PasswordPolicy.normalized("cafe\u{301}") == PasswordPolicy.normalized("caf\u{e9}"))
    #expect(
      Array(PasswordPolicy.normalized("cafe\u{301}").utf8)
        == Array(PasswordPolicy.normalized("caf\u{e9}").utf8))
  }
}

@Suite struct `A login name` {
  private let key = SymmetricKey(data: [UInt8](repeating: 7, count: 32))

  @Test func `is found whatever its case, and cannot be computed without the key`() throws {
    let index = try #require(LoginHandle.index(of: "Ada@Example.org", key: key))
    #expect(LoginHandle.index(of: "  ada@example.ORG ", key: key) == index)
    #expect(LoginHandle.index(of: "\u{ff41}da@example.org", key: key) == index)
    #expect(LoginHandle.index(of: "eda@example.org", key: key) != index)
    let other = SymmetricKey(data: [UInt8](repeating: 8, count: 32))
    #expect(LoginHandle.index(of: "ada@example.org", key: other) != index)
    #expect(LoginHandle.index(ofAddress: "ada@example.org", key: key) != index)
  }

  @Test func `has limits`() {
    let longest = String(repeating: "a", count: LoginHandle.charactersMax)
    #expect(LoginHandle.index(of: longest, key: key) != nil)
    #expect(LoginHandle.index(of: longest + "a", key: key) == nil)
    for text in ["", "   ", "a\u{0}b", "a\nb"] {
      #expect(LoginHandle.index(of: text, key: key) == nil)
    }
  }
}

@Suite(.onEachStore) struct `The login form` {
  @Test func `says the same to a wrong password and to an unknown login`() async throws {
    let journey = try await Journey()
    try await journey.addPerson()
    _ = try await journey.provider.registerClient(Journey.publicClient(), journey.visit())
    let wrong = try await journey.signIn(Journey.request(), password: "wrong staple horse")
    let unknown = try await journey.signIn(Journey.request(), login: "nobody@example.org")
    #expect(wrong.status == 401)
    #expect(unknown.status == 401)
    #expect(wrong.body == unknown.body)
    #expect(!journey.cookieNames.contains(Cookie.session.rawValue))
    let records = try await journey.records().filter { $0.outcome == "sign-in-refused" }
    #expect(records.map(\.subject) == ["\(journey.person)", nil])
  }

  @Test func `takes as much work for an unknown login`() async throws {
    let journey = try await Journey()
    try await journey.addPerson()
    _ = try await journey.provider.registerClient(Journey.publicClient(), journey.visit())
    let before = journey.pool.jobsBegun
    _ = try await journey.signIn(Journey.request(), password: "wrong staple horse")
    #expect(journey.pool.jobsBegun == before + 1)
    _ = try await journey.signIn(Journey.request(), login: "nobody@example.org")
    #expect(journey.pool.jobsBegun == before + 2)
  }

  @Test func `slows guessing down, also when the right password is among the guesses`() async throws
  {
    let journey = try await Journey()
    try await journey.addPerson()
    _ = try await journey.provider.registerClient(Journey.publicClient(), journey.visit())
    for _ in 0..<5 {
      let answer = try await journey.signIn(
        Journey.request(), password: "wrong staple horse", address: "198.51.100.1")
      #expect(answer.status == 401)
    }
    let right = try await journey.signIn(Journey.request(), address: "198.51.100.1")
    #expect(right.status == 429)
    #expect(right.headers["retry-after"] == "1")
    journey.wait(.seconds(1))
    #expect(try await journey.signIn(Journey.request(), address: "198.51.100.1").status == 303)
    // Success forgets the attempts.
    let again = Journey.request(["prompt": "login"])
    #expect(
      try await journey.signIn(
        again, password: "wrong staple horse", address: "198.51.100.1"
      ).status == 401)
    #expect(try await journey.outcomes().contains("sign-in-throttled"))
  }

  @Test func `slows down one address that tries many logins`() async throws {
    let journey = try await Journey()
    let address = ThrottledSubject([UInt8](repeating: 1, count: 32), .perAddress)
    for _ in 0..<100 {
      #expect(try await journey.store.attempt([address], at: journey.now) == nil)
    }
    #expect(try await journey.store.attempt([address], at: journey.now) == 1)
    let place = ThrottledSubject([UInt8](repeating: 2, count: 32), .perPlace)
    #expect(try await journey.store.attempt([place, address], at: journey.now) == 1)
    // What is refused for one counts for none.
    #expect(try await journey.store.attempt([place], at: journey.now) == nil)
  }

  @Test func `does not count an attempt that a busy machine did not look at`() async throws {
    let journey = try await Journey()
    try await journey.addPerson()
    let gate = DispatchSemaphore(value: 0)
    let form = try await journey.provider.getLogin(journey.visit())
    journey.keep(form)
    let csrf = try hidden("csrf", form)
    let fields = [
      ("csrf", csrf), ("login", "ada@example.org"), ("password", Journey.password),
    ]
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<HashingPool.admittedMax {
        group.addTask { try await journey.pool.run { gate.wait() } }
      }
      while journey.pool.jobsBegun < HashingPool.admittedMax { await Task.yield() }
      // Many more than are free.
      for _ in 0..<20 {
        #expect(try await journey.provider.login(journey.visit(form: fields)).status == 503)
      }
      for _ in 0..<HashingPool.admittedMax { gate.signal() }
      try await group.waitForAll()
    }
    #expect(try await journey.provider.login(journey.visit(form: fields)).status == 303)
  }

  @Test func `is only taken from the browser that was shown it`() async throws {
    let journey = try await Journey()
    try await journey.addPerson()
    _ = try await journey.provider.registerClient(Journey.publicClient(), journey.visit())
    let form = try await journey.provider.getLogin(journey.visit())
    let csrf = try hidden("csrf", form)
    func post(_ fields: [(String, String)], origin: String? = nil) async throws -> Int {
      try await journey.provider.login(journey.visit(form: fields, origin: origin)).status
    }
    let credentials = [("login", "ada@example.org"), ("password", Journey.password)]
    #expect(try await post([("csrf", csrf)] + credentials) == 403)
    journey.keep(form)
    #expect(try await post(credentials) == 403)
    #expect(try await post([("csrf", csrf + "x")] + credentials) == 403)
    #expect(try await post([("csrf", csrf), ("continue", "client_id=1")] + credentials) == 403)
    #expect(try await post([("csrf", csrf)] + credentials, origin: "https://evil.example") == 403)
    #expect(try await post([("csrf", csrf)] + credentials, origin: Journey.issuer) == 303)
  }

  @Test func `gives a new session each time, and ends the one before`() async throws {
    let journey = try await Journey()
    try await journey.addPerson()
    _ = try await journey.provider.registerClient(Journey.publicClient(), journey.visit())
    _ = try await journey.signIn(Journey.request())
    let first = try #require(journey.cookie(.session))
    _ = try await journey.signIn(Journey.request(["prompt": "login"]))
    let second = try #require(journey.cookie(.session))
    #expect(first != second)
    #expect(try await journey.store.session(cookie: first, at: journey.now) == nil)
    #expect(try await journey.store.session(cookie: second, at: journey.now) != nil)
    journey.wait(Session.idleMax)
    #expect(try await journey.store.session(cookie: second, at: journey.now) == nil)
  }
}

@Suite struct `A page` {
  @Test func `cannot be framed, scripted, cached or sniffed`() async throws {
    let journey = try await Journey()
    _ = try await journey.provider.registerClient(Journey.publicClient(), journey.visit())
    let redirect = try await journey.provider.authorize(journey.visit(query: Journey.request()))
    let answer = try await journey.provider.getLogin(
      journey.visit(query: try parameters(of: redirect)))
    let policy = try #require(answer.headers["content-security-policy"])
    for rule in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
      #expect(policy.contains(rule))
    }
    #expect(policy.contains("form-action 'self' http://127.0.0.1:49152;"))
    #expect(!policy.contains("unsafe"))
    #expect(answer.headers["x-frame-options"] == "DENY")
    #expect(answer.headers["x-content-type-options"] == "nosniff")
    #expect(answer.headers["cache-control"] == "no-store")
    let html = String(decoding: answer.body, as: UTF8.self)
    #expect(!html.contains("<script"))
    // The digest names exactly the one style element.
    let style = try #require(
      html.split(separator: "<style>").last?.split(separator: "</style>").first)
    let digest = Data(SHA256.hash(data: Array(style.utf8))).base64EncodedString()
    #expect(policy.contains("'sha256-\(digest)'"))
  }

  @Test func `shows names as text, whatever is in them`() async throws {
    let journey = try await Journey()
    try await journey.addPerson()
    _ = try await journey.provider.registerClient(Journey.publicClient(), journey.visit())
    let signedIn = try await journey.signIn(Journey.request())
    let page = try await journey.provider.authorize(
      journey.visit(query: try parameters(of: signedIn)))
    let html = String(decoding: page.body, as: UTF8.self)
    #expect(html.contains("Book &amp; Co &lt;keeping&gt;"))
    #expect(html.contains("Ada &lt;Byron&gt;"))
    #expect(!html.contains("<keeping>"))
    #expect(html.contains("Send payments from your accounts"))
    #expect(!html.contains("See your payments"))
    #expect(html.contains("lang=\"en\""))
    journey.forgetCookies()
    let form = try await journey.provider.getLogin(journey.visit())
    let login = String(decoding: form.body, as: UTF8.self)
    for label in ["for=\"login\"", "for=\"password\"", "autocomplete=\"current-password\""] {
      #expect(login.contains(label))
    }
  }

  @Test func `takes a consent only for what it showed`() async throws {
    let journey = try await Journey()
    try await journey.addPerson()
    _ = try await journey.provider.registerClient(Journey.publicClient(), journey.visit())
    let signedIn = try await journey.signIn(Journey.request(scope: "openid"))
    let page = try await journey.provider.authorize(
      journey.visit(query: try parameters(of: signedIn)))
    let continuing = try hidden("continue", page)
    let more = continuing.replacingOccurrences(of: "openid", with: "openid%20payments%3Acreate")
    #expect(more != continuing)
    let answer = try await journey.provider.consent(
      journey.visit(form: [
        ("csrf", try hidden("csrf", page)), ("continue", more), ("decision", "allow"),
      ]))
    #expect(answer.status == 403)
  }
}

@Suite(.onEachStore) struct `Signing out` {
  @Test func `ends the session and its tokens, and spares what may stay connected`() async throws {
    let journey = try await Journey()
    try await journey.addPerson()
    _ = try await journey.provider.registerClient(Journey.publicClient(), journey.visit())
    let offline = try await journey.allow(Journey.request())["code"]
    let (_, kept) = try await journey.redeem(try #require(offline))
    let online = try parameters(
      of: try await journey.provider.authorize(
        journey.visit(query: Journey.webRequest(scope: "openid"))))["code"]
    let (_, ended) = try await journey.redeem(
      try #require(online), ["redirect_uri": Journey.webRedirect])
    let page = try await journey.provider.getLogout(
      journey.visit(query: [
        "client_id": "\(Journey.clientID)", "post_logout_redirect_uri": "https://app.example/bye",
        "state": "s2",
      ]))
    let forged = try await journey.provider.logout(journey.visit(form: [("csrf", "x")]))
    #expect(forged.status == 403)
    let answer = try await journey.provider.logout(
      journey.visit(form: [
        ("csrf", try hidden("csrf", page)), ("continue", try hidden("continue", page)),
      ]))
    #expect(answer.headers["location"] == "https://app.example/bye?state=s2")
    journey.keep(answer)
    #expect(!journey.cookieNames.contains(Cookie.session.rawValue))
    let feed = try await journey.store.feed().entries
    #expect(feed.map(\.kind) == [.family, .session])
    #expect(feed.first?.id == (try claims(ended["access_token"])["family"]?.string))
    #expect(try claims(ended["access_token"])["sid"]?.string == feed.last?.id)
    #expect(try claims(kept["access_token"])["sid"] == nil)
    let refreshed = try await journey.refresh(try #require(kept["refresh_token"]?.string))
    #expect(refreshed.status == 200)
  }

  @Test func `goes nowhere that is not registered`() async throws {
    let journey = try await Journey()
    _ = try await journey.provider.registerClient(Journey.publicClient(), journey.visit())
    let answer = try await journey.provider.getLogout(
      journey.visit(query: [
        "client_id": "\(Journey.clientID)", "post_logout_redirect_uri": "https://evil.example/",
      ]))
    #expect(answer.status == 200)
    #expect(answer.headers["location"] == nil)
  }
}
