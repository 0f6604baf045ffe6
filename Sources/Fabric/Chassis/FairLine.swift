/// Whose request is worked on next, when one person sends more than others: decided and nothing else. Each person has few
/// in work at a time, and who waits is let in person by person, in a ring: somebody who asks for one thing waits for one
/// turn of the others at the most, however much they ask for.
package struct FairLine<Ticket: Sendable>: Sendable {
  /// How many may be in work, and how many may wait. All from 1.
  package struct Limits: Hashable, Sendable {
    /// Requests of one person in work: beside one who floods, somebody else has about one share of so many and one.
    package var ofPersonMax = 2
    /// Requests of all people in work: what a service answers soonest when it does them together.
    package var inWorkMax = 64
    /// Requests of one person that wait; one more is refused.
    package var personWaitingMax = 64
    /// Requests of all people that wait.
    package var waitingMax = 4_096
    package init() {}
  }

  /// What becomes of a request that comes.
  package enum Admission: Hashable, Sendable { case enters, waits, isRefused }

  private struct Person: Sendable {
    var inWork = 0
    var waiting: [Ticket] = []
  }

  private let limits: Limits
  private var people: [String: Person] = [:]
  /// Who waits and may have more in work, in the order of their turns; each stands in it once.
  private var ring: [String] = []
  package private(set) var inWork = 0
  package private(set) var waiting = 0

  package init(limits: Limits = Limits()) { self.limits = limits }

  /// - Parameter ticket: asked for where the request waits.
  package mutating func arrive(_ name: String, _ ticket: () -> Ticket) -> Admission {
    var person = people[name] ?? Person()
    if inWork < limits.inWorkMax, person.inWork < limits.ofPersonMax, person.waiting.isEmpty {
      person.inWork += 1
      inWork += 1
      people[name] = person
      return .enters
    }
    guard person.waiting.count < limits.personWaitingMax, waiting < limits.waitingMax else {
      return .isRefused
    }
    person.waiting.append(ticket())
    waiting += 1
    if person.waiting.count == 1, person.inWork < limits.ofPersonMax { ring.append(name) }
    people[name] = person
    return .waits
  }

  /// One of this person's requests is done.
  /// - Returns: who is let in now.
  package mutating func leave(_ name: String) -> [Ticket] {
    guard var person = people[name], person.inWork > 0 else { return [] }
    person.inWork -= 1
    inWork -= 1
    if person.inWork == limits.ofPersonMax - 1, !person.waiting.isEmpty { ring.append(name) }
    people[name] = person.inWork == 0 && person.waiting.isEmpty ? nil : person
    return letIn()
  }

  private mutating func letIn() -> [Ticket] {
    var entering: [Ticket] = []
    while inWork < limits.inWorkMax, !ring.isEmpty {
      let name = ring.removeFirst()
      guard var person = people[name], !person.waiting.isEmpty else { continue }
      entering.append(person.waiting.removeFirst())
      waiting -= 1
      person.inWork += 1
      inWork += 1
      // To the end of the ring: the others are next.
      if !person.waiting.isEmpty, person.inWork < limits.ofPersonMax { ring.append(name) }
      people[name] = person
    }
    return entering
  }
}
