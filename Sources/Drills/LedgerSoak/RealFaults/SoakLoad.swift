package import LedgerBook
package import Vocabulary

/// What the callers of a soak send. A batch follows from its caller and number alone, so that whoever comes
/// after a crash can send it again, and whoever looks at the books knows what must be there.
package enum SoakLoad {
  package static let currency = Currency.all.first { $0.code == "EUR" }
  /// Money comes from here; it may go below zero.
  static let vault = AccountID(bits: 1)
  static let residents = 2...41
  /// Requests of one batch at most.
  static let batchMax = 40

  /// A batch by name.
  package struct Name: Hashable, Comparable, Sendable {
    package var caller: Int
    package var number: Int
    package init(caller: Int, number: Int) {
      self.caller = caller
      self.number = number
    }
    package static func < (one: Name, other: Name) -> Bool {
      (one.caller, one.number) < (other.caller, other.number)
    }
  }

  /// All accounts; nobody but the vault may go below zero.
  package static func accounts() -> [AccountRequest] {
    guard let currency else { return [] }
    return [AccountRequest(id: vault, currency: currency, code: 1)]
      + residents.map {
        AccountRequest(
          id: AccountID(bits: UInt128($0)), currency: currency, code: 2,
          flags: .debitsMustNotExceedCredits)
      }
  }

  package static func batch(_ name: Name) -> [TransferRequest] {
    var random = RandomBatches(
      seed: UInt64(truncatingIfNeeded: name.caller) << 40 ^ UInt64(truncatingIfNeeded: name.number))
    return (0..<1 + random.below(batchMax)).map { place in
      var request = TransferRequest(id: id(name, place))
      switch random.below(10) {
      case 0 where name.number > 0:
        // Ends a hold of the batch before, if that place is one; else it is refused.
        request.pendingID = id(Name(caller: name.caller, number: name.number - 1), place)
        request.flags = random.chance(70) ? .postPending : .voidPending
        return request
      case 1...3: request.flags = .pending
      default: break
      }
      let isGift = random.chance(40)
      let from = random.below(residents.count)
      request.debitAccount = isGift ? vault : AccountID(bits: UInt128(2 + from))
      request.creditAccount = AccountID(bits: UInt128(2 + (from + 1 + random.below(39)) % 40))
      request.amount = Int64(1 + random.below(isGift ? 900 : 300))
      request.currency = currency
      request.code = 1
      if request.flags == .pending, random.chance(30) { request.timeoutSeconds = 1 }
      if random.chance(10), place > 0 { request.flags.insert(.linked) }
      return request
    }.endingChain
  }

  static func id(_ name: Name, _ place: Int) -> TransferID {
    TransferID(bits: UInt128(name.caller + 1) << 96 | UInt128(name.number) << 32 | UInt128(place))
  }

  /// The batch and the place that an id names.
  static func place(of id: TransferID) -> (name: Name, place: Int) {
    let number = Int(truncatingIfNeeded: id.bits >> 32 & 0xffff_ffff)
    return (
      Name(caller: Int(truncatingIfNeeded: id.bits >> 96) - 1, number: number),
      Int(truncatingIfNeeded: id.bits & 0xffff_ffff)
    )
  }
}

extension [TransferRequest] {
  /// The last of a batch can be linked to nothing.
  fileprivate var endingChain: [TransferRequest] {
    var batch = self
    batch[count - 1].flags.remove(.linked)
    return batch
  }
}
