import Vocabulary

/// A promise of the platform, and the attacks that would break it.
package struct Drill: Sendable {
  /// What `strongroom drill NAME` takes.
  package let name: String
  /// The row of the requirements and what it promises, in one sentence.
  package let promise: String
  package let attacks: [Attack]

  package init(name: String, promise: String, attacks: [Attack]) {
    self.name = name
    self.promise = promise
    self.attacks = attacks
  }
}

/// One attack: what is done in plain words, and what must be seen if the defence stands.
package struct Attack: Sendable {
  package let name: String
  package let steps: String
  package let expectation: String
  let carryOut: @Sendable (DrillRange) async throws -> Sighting

  package init(
    _ name: String, steps: String, expectation: String,
    carryOut: @escaping @Sendable (DrillRange) async throws -> Sighting
  ) {
    self.name = name
    self.steps = steps
    self.expectation = expectation
    self.carryOut = carryOut
  }
}

/// What became of an attack.
package enum Verdict: String, Sendable, Hashable, CaseIterable {
  /// The defence stood.
  case held
  /// The attack succeeded, or its refusal was not recorded.
  case breach
  /// The attack could not be carried out here, so nothing is proven.
  case notTried = "not tried"
}

/// What the attacker saw.
package struct Sighting: Sendable {
  let verdict: Verdict
  let seen: String
  /// Under which the audit log must know the attack; nil for one that never became a request.
  let correlation: CorrelationID?

  static func held(_ seen: String, recordedAs correlation: CorrelationID? = nil) -> Sighting {
    Sighting(verdict: .held, seen: seen, correlation: correlation)
  }
  static func breach(_ seen: String) -> Sighting {
    Sighting(verdict: .breach, seen: seen, correlation: nil)
  }
  static func notTried(_ why: String) -> Sighting {
    Sighting(verdict: .notTried, seen: why, correlation: nil)
  }
  /// Held or not, by what was seen.
  static func when(
    _ held: Bool, _ seen: String, recordedAs correlation: CorrelationID? = nil
  ) -> Sighting {
    held ? .held(seen, recordedAs: correlation) : .breach(seen)
  }
}

/// One attack's outcome, with the record that it left.
package struct AttackResult: Sendable {
  package let drill: String
  package let attack: String
  package let steps: String
  package let expectation: String
  package let seen: String
  package let verdict: Verdict
  /// The audit record in one line; nil where the attack leaves none.
  package let record: String?
  package let took: Duration
}
