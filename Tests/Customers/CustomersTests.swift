import AuditAPI
import Chassis
import Customers
import CustomersAPI
import Foundation
import Sealing
import Storage
import StrictJSON
import TestKit
import Testing
import Vocabulary

/// The register with a real store in a folder of its own.
private final class Office: Sendable {
  // A class: its end removes the folder.
  static let id = PersonID("0194a2b0-7c1e-7d8a-9f00-3b7a5e1c2d4f")!  // A well formed UUID.
  static let details = PersonalDetails(
    givenName: "Adelheid", familyName: "Überschär", email: "adelheid@example.org",
    phone: "+441632960001",
    address: PostalAddress(
      lines: ["12 St James's Square"], postalCode: "SW1Y 4JH", city: "Londinium", country: "GB"),
    birthDate: "1985-12-10", nationalID: "QQ123456C")
  static let correlation = CorrelationID(bits: 7)!  // Not zero.

  let folder: String
  let rawStore: Store
  let store: CustomerStore
  let sealing: SealingKeys
  let register: CustomerRegister
  let keys: [UInt32: [UInt8]]

  init() async throws {
    let randomness = Randomness.seeded(testSeed("customers"))
    folder =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("customers-\(UUID().uuidString)").path
    let clock = Clock { Instant(seconds: 1_800_000_000) }
    rawStore = try await StoreSite.open(
      file: folder + "/customers.sqlite", CustomersService.migrations, clock: clock)
    store = CustomerStore(rawStore)
    keys = [1: randomness.bytes(32), 2: randomness.bytes(32)]
    sealing = SealingKeys(try Keyring(keys: keys.filter { $0.key == 1 }, current: 1))
    register = CustomerRegister(
      store: store, sealing: sealing, clock: clock, randomness: randomness)
  }
  deinit { try? FileManager.default.removeItem(atPath: folder) }

  @discardableResult
  func create(
    _ id: PersonID = Office.id, _ details: PersonalDetails = Office.details
  ) async throws -> CustomerReceipt {
    try await register.create(
      NewCustomer(id: id, details: details), caller: "operator", correlation: Self.correlation)
  }

  func rotate() throws -> Bool {
    sealing.replace(with: try Keyring(keys: keys, current: 2), at: Instant(seconds: 1_800_000_000))
  }

  /// One round of the background pass.
  func reseal() async throws -> Int { try await store.sealedFields.reseal(sealing.current) }
}

@Suite(.onEachStore) struct `A customer` {
  @Test func `is recorded once, whatever is sent again`() async throws {
    let office = try await Office()
    let receipt = try await office.create()
    #expect(try await office.create() == receipt)
    #expect(try await office.register.record(of: Office.id).details == Office.details)
    let other = PersonalDetails(
      givenName: "Eda", familyName: "Überschär", email: "adelheid@example.org",
      phone: "+441632960001",
      address: PostalAddress(lines: ["1"], postalCode: nil, city: "X", country: "GB"),
      birthDate: "1985-12-10")
    await #expect(throws: DetailRefusal.exists) { try await office.create(Office.id, other) }
    #expect(try await office.register.record(of: Office.id).details == Office.details)
    let records = try await Outbox(store: office.rawStore).batch(of: AuditOperations.topic).messages
    #expect(records.count == 1)
  }

  @Test func `is one row when many bring it at once`() async throws {
    let office = try await Office()
    let receipts = try await withThrowingTaskGroup(of: CustomerReceipt.self) { group in
      for _ in 0..<8 { group.addTask { try await office.create() } }
      return try await group.reduce(into: Set<CustomerReceipt>()) { $0.insert($1) }
    }
    #expect(receipts.count == 1)
    #expect(try await office.store.counts() == [1: 1])
  }

  @Test func `shows only the name to those who greet, and nothing of strangers`() async throws {
    let office = try await Office()
    try await office.create()
    let name = try await office.register.name(of: Office.id)
    let wire = String(decoding: try StrictJSON.encode(name), as: UTF8.self)
    #expect(
      wire == "{\"family_name\":\"Überschär\",\"given_name\":\"Adelheid\",\"id\":\"\(Office.id)\"}")
    #expect("\(name)".contains("Adelheid") == false)
    await #expect(throws: Problem.notFound) {
      try await office.register.record(of: PersonID(bits: 9))
    }
  }

  @Test func `tells identity's userinfo what the person can allow an application to see, no more`()
    async throws
  {
    let office = try await Office()
    try await office.create()
    let claims = try await office.register.claims(of: Office.id)
    let members = try JSON.parse(try StrictJSON.encode(claims))
    #expect(members.object?.keys.sorted() == ["birth_date", "email", "family_name", "given_name"])
    #expect(members["given_name"] == "Adelheid")
    #expect("\(claims)".contains("Adelheid") == false)
    await #expect(throws: Problem.notFound) {
      try await office.register.claims(of: PersonID(bits: 9))
    }
  }

  @Test func `travels as the contract says`() throws {
    let new = NewCustomer(id: Office.id, details: Office.details)
    let wire = try StrictJSON.encode(new)
    #expect(try StrictJSON.decode(NewCustomer.self, from: wire) == new)
    let text = String(decoding: wire, as: UTF8.self)
    #expect(text.contains("\"postal_code\":\"SW1Y 4JH\""))
    let more = text.dropLast() + ",\"nickname\":\"Heidi\"}"
    #expect(throws: JSONError.self) {
      try StrictJSON.decode(NewCustomer.self, from: Array(more.utf8))
    }
    #expect(!"\(new)".contains("Adelheid"))
    var dumped = ""
    dump(new, to: &dumped)
    #expect(!dumped.contains("Adelheid"))
  }
}

@Suite struct `The customers store` {
  private static let values = [
    "Adelheid", "Überschär", "adelheid@example.org", "+441632960001", "441632960001",
    "St James's Square", "SW1Y 4JH", "Londinium", "1985-12-10", "QQ123456C",
  ]

  /// Every spelling in which a value could lie about.
  private static func spellings(_ text: String) -> [Data] {
    let utf8 = Data(text.utf8)
    let base64 = utf8.base64EncodedString()
    let hex = utf8.map { String(format: "%02x", $0) }.joined()
    // Base64 of a longer text holds a value shifted by one or two bytes; the inner characters stay the same.
    let shifted = [1, 2].map { shift in
      String(
        (Data(repeating: 0x20, count: shift) + utf8).base64EncodedString().dropFirst(4)
          .prefix { $0 != "=" }.dropLast(2))
    }
    let url = base64.replacingOccurrences(of: "+", with: "-").replacingOccurrences(
      of: "/", with: "_")
    let texts = [text, String(base64.prefix { $0 != "=" }), url, hex, hex.uppercased()] + shifted
    return texts.filter { $0.count >= 6 }.map { Data($0.utf8) }
      + [text.data(using: .utf16LittleEndian), text.data(using: .utf16BigEndian)].compactMap { $0 }
  }

  private func finds(in folder: String) throws -> [String] {
    var found: [String] = []
    for file in try FileManager.default.contentsOfDirectory(atPath: folder) {
      let bytes = try Data(contentsOf: URL(filePath: folder + "/" + file))
      for value in Self.values {
        for spelling in Self.spellings(value) where bytes.range(of: spelling) != nil {
          found.append("\(file): \(value)")
        }
      }
    }
    return found
  }

  @Test func `shows no personal data, in no file and in no spelling`() async throws {
    let office = try await Office()
    try await office.create()
    let files = try FileManager.default.contentsOfDirectory(atPath: office.folder)
    #expect(files.contains("customers.sqlite"))
    #expect(files.contains("customers.sqlite-wal"))
    #expect(try finds(in: office.folder) == [])
    #expect(try office.rotate())
    #expect(try await office.reseal() == 1)
    #expect(try finds(in: office.folder) == [])
  }

  @Test func `would be caught if it did`() async throws {
    let office = try await Office()
    try await office.rawStore.write { transaction in
      try transaction.execute("CREATE TABLE careless (name TEXT, encoded TEXT)")
      try transaction.execute(
        "INSERT INTO careless VALUES (?, ?)",
        [.text("Adelheid"), .text(Data("xxadelheid@example.org".utf8).base64EncodedString())])
    }
    let found = try finds(in: office.folder).joined(separator: "\n")
    #expect(found.contains(": Adelheid"))
    #expect(found.contains(": adelheid@example.org"))
  }

  @Test func `opens no value that was moved to another row or column`() async throws {
    let office = try await Office()
    try await office.create()
    let second = PersonID(bits: 77)
    try await office.create(second)
    for change in [
      "UPDATE customers SET email = (SELECT email FROM customers WHERE id = '\(second)')",
      "UPDATE customers SET email = phone",
      "UPDATE customers SET phone = CAST(substr(phone, 1, length(phone) - 1) || 'x' AS BLOB)",
    ] {
      try await office.rawStore.write { transaction in
        try transaction.execute("\(change) WHERE id = ?", [.id(Office.id)])
      }
      await #expect(throws: SealingRefusal.notAuthentic) {
        try await office.register.record(of: Office.id)
      }
    }
  }
}

@Suite(.onEachStore) struct `A rotation of the sealing key` {
  @Test func `reaches a row when it is read, and the others in the background`() async throws {
    let office = try await Office()
    for number in 1...250 { try await office.create(PersonID(bits: UInt128(number))) }
    #expect(try await office.store.counts() == [1: 250])
    #expect(try office.rotate())
    #expect(try office.rotate() == false)
    _ = try await office.register.record(of: PersonID(bits: 3))
    #expect(try await office.store.counts() == [1: 249, 2: 1])
    try await office.create(PersonID(bits: 251))
    #expect(try await office.reseal() == 249)
    #expect(try await office.store.counts() == [2: 251])
    #expect(try await office.reseal() == 0)
    // The old key can go.
    let newOnly = try Keyring(keys: office.keys.filter { $0.key == 2 }, current: 2)
    let stored = try #require(try await office.store.customer(PersonID(bits: 200)))
    #expect(try stored.details.opened(of: PersonID(bits: 200), by: newOnly) == Office.details)
  }

  @Test func `goes in rounds of a bounded number, and says which versions are still needed`()
    async throws
  {
    let office = try await Office()
    let bound = SealedFields.batchMax * SealedFields.batchesPerRound
    let sealed = try SealedDetails(
      Office.details, of: PersonID(bits: 1), by: office.sealing.current)
    try await office.create(PersonID(bits: 1))
    // Rows of the right shape; what is in them is opened further down.
    try await office.rawStore.write { transaction in
      for number in 2...(bound + 1) {
        let id = PersonID(bits: UInt128(number))
        var columns: [SealedDetails.Column: [UInt8]] = [:]
        for column in sealed.columns.keys {
          columns[column] = try office.sealing.current.seal(
            Array("x".utf8),
            context: SealingContext(
              tenant: "main", table: "customers", column: column.rawValue, row: "\(id)"))
        }
        try transaction.execute(
          """
          INSERT INTO customers (id, key_version, given_name, family_name, email, phone, address,
            birth_date, national_id, created_at) VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?, 0)
          """, [.id(id)] + SealedDetails.Column.allCases.map { .optional(columns[$0]) })
      }
    }
    #expect(try office.rotate())
    let versions = office.store.sealedFields.versions
    #expect(try await versions() == [1])
    #expect(try await office.reseal() == bound)
    #expect(try await versions() == [1, 2])
    #expect(try await office.reseal() == 1)
    #expect(try await versions() == [2])
    #expect(try await office.reseal() == 0)
  }

  @Test func `is over for requests on their way after three minutes, for a new process at once`()
    async throws
  {
    let office = try await Office()
    let now = Instant(seconds: 1_800_000_000)
    #expect(office.sealing.isHandedOver(at: now))
    #expect(try office.rotate())
    let end = now + SealingKeys.handover
    #expect(!office.sealing.isHandedOver(at: end - .nanoseconds(1)))
    #expect(office.sealing.isHandedOver(at: end))
    // A clock that is set back proves nothing.
    #expect(!office.sealing.isHandedOver(at: now - .seconds(60)))
    #expect(!office.sealing.isHandedOver(at: now))
    // Versions that were retired go from memory; an older answer changes nothing.
    let newOnly = try Keyring(keys: office.keys.filter { $0.key == 2 }, current: 2)
    #expect(!office.sealing.replace(with: newOnly, at: now))
    #expect(office.sealing.current.versions == [2])
    let old = try Keyring(keys: office.keys.filter { $0.key == 1 }, current: 1)
    #expect(!office.sealing.replace(with: old, at: now))
    #expect(office.sealing.current.currentVersion == 2)
  }

  @Test func `may happen while customers are read and written`() async throws {
    let office = try await Office()
    for number in 1...120 { try await office.create(PersonID(bits: UInt128(number))) }
    #expect(try office.rotate())
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { _ = try await office.reseal() }
      for number in 1...120 {
        group.addTask {
          let id = PersonID(bits: UInt128(number))
          let record = try await office.register.record(of: id)
          #expect(record.details == Office.details)
        }
      }
      try await group.waitForAll()
    }
    #expect(try await office.store.counts() == [2: 120])
  }
}

@Suite struct `Personal details` {
  private static let today = CivilDate("2026-11-21")!  // A day of the calendar.

  private static func details(
    given: String = "Ada", family: String = "Byron", email: String = "a@b.cd",
    phone: String = "+441632960001", lines: [String] = ["1 Square"], code: String? = nil,
    city: String = "London", country: String = "GB", birth: String = "1985-12-10",
    national: String? = nil
  ) -> PersonalDetails {
    PersonalDetails(
      givenName: given, familyName: family, email: email, phone: phone,
      address: PostalAddress(lines: lines, postalCode: code, city: city, country: country),
      birthDate: birth, nationalID: national)
  }
  private static func text(_ count: Int) -> String { String(repeating: "a", count: count) }

  static let refused: [(String, PersonalDetails)] = [
    ("given_name", details(given: "")), ("given_name", details(given: text(81))),
    ("given_name", details(given: " Ada")), ("given_name", details(given: "A\nda")),
    ("given_name", details(given: "Ada\u{202e}\u{0}")), ("family_name", details(family: text(81))),
    ("email", details(email: "ab.cd")), ("email", details(email: "a@b")),
    ("email", details(email: "a@b@c.de")), ("email", details(email: "a b@c.de")),
    ("email", details(email: "a@.de")), ("email", details(email: text(65) + "@b.cd")),
    ("phone", details(phone: "01632960001")), ("phone", details(phone: "+123456")),
    ("phone", details(phone: "+1234567890123456")), ("phone", details(phone: "+44 1632960001")),
    ("phone", details(phone: "+0441632960001")), ("address/lines", details(lines: [])),
    ("address/lines", details(lines: Array(repeating: "x", count: 5))),
    ("address/lines", details(lines: [text(121)])), ("address/lines", details(lines: [""])),
    ("address/postal_code", details(code: "")), ("address/postal_code", details(code: text(17))),
    ("address/city", details(city: text(81))), ("address/country", details(country: "gb")),
    ("address/country", details(country: "GBR")), ("birth_date", details(birth: "1985-02-30")),
    ("birth_date", details(birth: "2026-11-21")), ("birth_date", details(birth: "1895-12-31")),
    ("birth_date", details(birth: "85-12-10")), ("national_id", details(national: "abc")),
    ("national_id", details(national: text(33))), ("national_id", details(national: "12 34")),
  ]

  @Test func `are refused by the name of the field`() {
    for (field, details) in Self.refused {
      let flaw = DetailRules.flaw(in: details, today: Self.today)
      #expect(flaw == .badField(field))
      #expect(flaw?.problem.fields == ["field": "/" + field])
    }
  }

  @Test func `are accepted up to their limits`() {
    for details in [
      Self.details(), Self.details(given: Self.text(80), family: "Ó Súilleabháin-d'Arc"),
      Self.details(given: "玲奈", email: Self.text(64) + "@b.cd", phone: "+1234567"),
      Self.details(phone: "+123456789012345", lines: Array(repeating: Self.text(120), count: 4)),
      Self.details(code: Self.text(16), city: Self.text(80), birth: "2026-11-20"),
      Self.details(birth: "1896-01-01", national: Self.text(32)), Self.details(national: "A-12"),
    ] {
      #expect(DetailRules.flaw(in: details, today: Self.today) == nil)
    }
  }
}
