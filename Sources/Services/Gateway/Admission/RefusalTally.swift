/// Whose refusals are counted together.
package enum RefusedParty: Hashable, Sendable {
  /// A stranger, by what stands for the address (`RefusalCounter.place`).
  case place(String)
  /// Somebody whose token was good.
  case subject(String, client: String)
}

/// Counts refusals, so that whoever is refused a thousand times a second does not make the audit log grow by a thousand records a
/// second: the first ones of a minute are recorded as they happen, the rest as one record for each party and kind, with
/// how many they were. What strangers are let in for is counted the same way. What it remembers is bounded; beyond that all others of one kind are one record together. Pure.
package struct RefusalTally: Sendable {
  /// Refusals of one kind that are recorded whole in a minute.
  package enum Whole: Int, Sendable {
    /// Nothing was shown but an address.
    case stranger = 1
    /// Something was shown that is no good, or was not looked at yet: forgeries are worth a closer look. And what anybody may
    /// ask for.
    case shown = 30
    /// By somebody whose token was good.
    case known = 120
  }
  /// Strangers' counts that are remembered; what more than these addresses do in a minute is told in one sum.
  package static let strangersMax = 512
  /// And of those with a good token, so that strangers cannot crowd them out.
  package static let subjectsMax = 4_096

  /// What stands in one record.
  package struct Count: Hashable, Sendable {
    /// Nil for all those together that were not remembered one by one.
    package let party: RefusedParty?
    /// A constant word of ours.
    package let kind: String
    /// Refusals that have no record of their own; 1 or more.
    package let count: Int64

    package init(party: RefusedParty?, kind: String, count: Int64) {
      self.party = party
      self.kind = kind
      self.count = count
    }
  }

  private struct Key: Hashable {
    let party: RefusedParty
    let kind: String
  }
  private var strangers: [Key: Int64] = [:]
  private var subjects: [Key: Int64] = [:]
  private var whole: [Key: Int] = [:]
  private var others: [String: Int64] = [:]

  package init() {}

  /// - Returns: whether this one is to be recorded whole; otherwise it has been counted.
  package mutating func note(_ party: RefusedParty, _ kind: String, _ most: Whole) -> Bool {
    let key = Key(party: party, kind: kind)
    let isKnown =
      switch party {
      case .place: Self.count(key, in: &strangers, most: Self.strangersMax)
      case .subject: Self.count(key, in: &subjects, most: Self.subjectsMax)
      }
    guard isKnown else {
      others[kind, default: 0] += 1
      return false
    }
    guard whole[key, default: 0] < most.rawValue else { return false }
    whole[key, default: 0] += 1
    return true
  }

  private static func count(
    _ key: Key, in counts: inout [Key: Int64], most: Int
  ) -> Bool {
    guard counts[key] != nil || counts.count < most else { return false }
    counts[key, default: 0] += 1
    return true
  }

  /// Ends the minute: what was not recorded whole, the largest counts first; then everything is forgotten.
  package mutating func close() -> [Count] {
    var found: [Count] = []
    for (key, count) in Array(strangers) + Array(subjects) {
      let rest = count - Int64(whole[key] ?? 0)
      if rest > 0 { found.append(Count(party: key.party, kind: key.kind, count: rest)) }
    }
    found.sort { $0.count > $1.count }
    found += others.sorted { $0.key < $1.key }.map {
      Count(party: nil, kind: $0.key, count: $0.value)
    }
    self = RefusalTally()
    return found
  }
}
