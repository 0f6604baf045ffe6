import Crypto
package import Vocabulary

/// A small bank made from a seed: the same seed gives the same people, accounts and standing orders on every machine.
/// The people are invented; their addresses use the domains and number ranges reserved for examples (RFC 2606, ITU E.164).
package struct SeededBank: Sendable {
  package struct Resident: Sendable {
    package let id: PersonID
    package let account: AccountID
    package let givenName: String
    package let familyName: String
    /// What the person types to sign in.
    package let login: String
    package let birthDate: String
    package let openingMinorUnits: Int64
    package var phone: String { "+4420794601\(10 + Int(id.bits % 90))" }
  }
  package struct StandingOrder: Sendable {
    package let payer: Int
    package let payee: Int
    package let minorUnits: Int64
    package let reference: String

    package init(payer: Int, payee: Int, minorUnits: Int64, reference: String) {
      self.payer = payer
      self.payee = payee
      self.minorUnits = minorUnits
      self.reference = reference
    }
  }

  package static let residentsMax = 1_000
  /// The seed whose people have the plainest logins.
  package static let plainSeed: UInt64 = 1_993
  package let currency: Currency
  package let house: AccountID
  package let clientID: ClientID
  package let residents: [Resident]
  package let orders: [StandingOrder]

  /// - Parameters:
  ///   - residents: 2–1,000.
  ///   - ordersPerResident: standing orders of each, 0–100.
  package init(seed: UInt64, residents count: Int, ordersPerResident: Int, currency: Currency) {
    var draws = Draws(seed: seed)
    let count = min(max(count, 2), Self.residentsMax)
    self.currency = currency
    house = Self.id(seed, "house", 0)
    clientID = Self.id(seed, "client", 0)
    residents = (0..<count).map { number in
      let givenName = Self.givenNames[number % Self.givenNames.count]
      let familyName =
        Self.familyNames[draws.next(below: Self.familyNames.count)]
        + (number < Self.givenNames.count ? "" : "-\(number)")
      // Two banks in one platform must not share logins.
      let site =
        seed == Self.plainSeed ? "example.org" : "bank-\(String(seed, radix: 36)).example.org"
      return Resident(
        id: Self.id(seed, "person", number), account: Self.id(seed, "account", number),
        givenName: givenName, familyName: familyName,
        login: "\(givenName).\(familyName)@\(site)".lowercased(),
        birthDate:
          "19\(50 + draws.next(below: 50))-0\(1 + draws.next(below: 9))-1\(draws.next(below: 10))",
        openingMinorUnits: Int64(100_000 + draws.next(below: 400_000)))
    }
    orders = (0..<count).flatMap { payer in
      (0..<min(max(ordersPerResident, 0), 100)).map { _ in
        let step = 1 + draws.next(below: count - 1)
        return StandingOrder(
          payer: payer, payee: (payer + step) % count,
          minorUnits: Int64(100 + draws.next(below: 4_900)),
          reference: Self.references[draws.next(below: Self.references.count)])
      }
    }
  }

  /// The same people with other standing orders, and enough on each account to pay them.
  package func with(orders: [StandingOrder]) -> SeededBank {
    let due = orders.reduce(into: [Int: Int64]()) { $0[$1.payer, default: 0] += $1.minorUnits }
    let funded = residents.enumerated().map { number, resident in
      Resident(
        id: resident.id, account: resident.account, givenName: resident.givenName,
        familyName: resident.familyName, login: resident.login, birthDate: resident.birthDate,
        openingMinorUnits: max(resident.openingMinorUnits, due[number] ?? 0))
    }
    return SeededBank(
      currency: currency, house: house, clientID: clientID, residents: funded, orders: orders)
  }

  private init(
    currency: Currency, house: AccountID, clientID: ClientID, residents: [Resident],
    orders: [StandingOrder]
  ) {
    self.currency = currency
    self.house = house
    self.clientID = clientID
    self.residents = residents
    self.orders = orders
  }

  /// Standing orders as text, one a line: `payer;payee;minor_units;reference`, people by number from 0.
  /// - Throws: `DemoFailure` naming the line.
  package static func orders(
    _ text: String, residents: Int
  ) throws(DemoFailure) -> [StandingOrder] {
    var orders: [StandingOrder] = []
    for (number, line) in text.split(separator: "\n").enumerated() {
      let parts = line.split(separator: ";", omittingEmptySubsequences: false)
      guard parts.count == 4, let payer = Int(parts[0]), let payee = Int(parts[1]),
        let minorUnits = Int64(parts[2]), minorUnits > 0, payer != payee,
        (0..<residents).contains(payer), (0..<residents).contains(payee)
      else {
        throw DemoFailure("line \(number + 1): expected payer;payee;minor_units;reference")
      }
      orders.append(
        StandingOrder(
          payer: payer, payee: payee, minorUnits: minorUnits, reference: String(parts[3])))
    }
    return orders
  }

  /// What each resident must have in the end, when every order is carried out exactly once.
  package var closingMinorUnits: [Int64] {
    orders.reduce(into: residents.map(\.openingMinorUnits)) { balances, order in
      balances[order.payer] -= order.minorUnits
      balances[order.payee] += order.minorUnits
    }
  }

  /// The opening deposit's transfer; derived, so that seeding twice deposits once.
  package func openingTransfer(_ number: Int) -> TransferID {
    let digest = SHA256.hash(data: Array("opening \(residents[number].account)".utf8))
    guard let id = TransferID(digest: Array(digest)) else {
      preconditionFailure("a SHA-256 digest has more than sixteen bytes")
    }
    return id
  }

  private static func id<Kind>(_ seed: UInt64, _ what: String, _ number: Int) -> ID<Kind> {
    let digest = SHA256.hash(data: Array("strongroom demo \(seed) \(what) \(number)".utf8))
    guard let id = ID<Kind>(digest: Array(digest)) else {
      preconditionFailure("a SHA-256 digest has more than sixteen bytes")
    }
    return id
  }

  private static let givenNames = [
    "Ada", "Emmy", "Grace", "Hedy", "Katherine", "Mary", "Radia", "Sophie", "Alan", "Claude",
    "Edsger", "Kurt", "Leonhard", "Niklaus", "Tony", "Vint",
  ]
  private static let familyNames = [
    "Ashdown", "Birch", "Calloway", "Denholm", "Everly", "Fairfax", "Garland", "Hollis",
    "Ingram", "Kestrel", "Lockwood", "Marlowe", "Northcott", "Quill", "Rowntree", "Sterling",
  ]
  private static let references = ["Rent", "Electricity", "Savings", "Insurance", "Club", "School"]
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same everywhere. Never for keys.
private struct Draws {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next(below bound: Int) -> Int {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return Int((mixed ^ mixed >> 31) % UInt64(max(1, bound)))
  }
}
