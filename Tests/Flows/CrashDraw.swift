import Faults
import Foundation
import TestKit
import Vocabulary

/// Which faults of the crash matrix are tried. In CI they are drawn: every service dies at every step that a payment takes,
/// but at one of the times that it comes to the step. `./strongroom soak crashes` tries all of them.
struct CrashDraw {
  /// A service, and the steps at which it dies: which of them, and the how manieth time in one payment.
  typealias Deaths = (service: String, steps: [(FaultPoint, Int)])

  let deaths: [Deaths]
  let signInDeaths: [(FaultPoint, Int)]
  let stops: [(service: String, step: FaultPoint)]
  let clocks: [(service: String, seconds: Int64)]
  let fillings: [(service: String, step: FaultPoint)]

  /// By `STRONGROOM_CRASHES`: `all`, or drawn from the seed of this run.
  static var ofThisRun: CrashDraw {
    ProcessInfo.processInfo.environment["STRONGROOM_CRASHES"] == "all"
      ? whole : drawn(.seeded(testSeed("crash matrix")))
  }

  static let whole = CrashDraw(
    deaths: kills.map { kill in
      (kill.service, kill.steps.flatMap { step in (1...step.1).map { (step.0, $0) } })
    },
    signInDeaths: signInKills.flatMap { step in (1...step.1).map { (step.0, $0) } },
    stops: standstills,
    clocks: kills.flatMap { kill in clockSteps.map { (kill.service, $0) } },
    fillings: fullDisks)

  private static func drawn(_ randomness: Randomness) -> CrashDraw {
    func one(_ step: (FaultPoint, Int)) -> (FaultPoint, Int) {
      (step.0, 1 + Int(randomness.next() % UInt64(step.1)))
    }
    func some<Element>(_ count: Int, of all: [Element]) -> [Element] {
      var left = all
      return (0..<count).map { _ in left.remove(at: Int(randomness.next() % UInt64(left.count))) }
    }
    return CrashDraw(
      deaths: kills.map { ($0.service, $0.steps.map(one)) }, signInDeaths: signInKills.map(one),
      stops: some(2, of: whole.stops), clocks: some(3, of: whole.clocks),
      fillings: some(2, of: whole.fillings))
  }

  /// How often each service comes to each step in one payment, at most.
  private static let kills: [Deaths] = [
    (
      "payments",
      [
        (.requestAdmitted, 1), (.commitBegins, 3), (.commitDone, 3), (.callLeaving, 2),
        (.callAnswered, 2), (.answerReady, 1),
      ]
    ),
    (
      "ledger",
      [
        (.requestAdmitted, 1), (.commitBegins, 2), (.commitDone, 2), (.callLeaving, 1),
        (.callAnswered, 1), (.answerReady, 1),
      ]
    ),
    (
      "audit",
      [(.requestAdmitted, 2), (.commitBegins, 2), (.commitDone, 2), (.answerReady, 2)]
    ),
    (
      "gateway",
      [
        (.commitBegins, 2), (.commitDone, 2), (.callLeaving, 1), (.callAnswered, 1),
        (.answerReady, 1),
      ]
    ),
  ]
  /// A payment needs it only before: signing in is part of the transaction here.
  private static let signInKills: [(FaultPoint, Int)] = [
    (.requestAdmitted, 3), (.commitBegins, 2), (.commitDone, 2), (.callLeaving, 1),
    (.callAnswered, 1), (.answerReady, 3),
  ]
  private static let standstills: [(service: String, step: FaultPoint)] = [
    ("payments", .callAnswered), ("ledger", .commitBegins), ("ledger", .commitDone),
    ("audit", .requestAdmitted), ("gateway", .callAnswered),
  ]
  private static let clockSteps: [Int64] = [3_600, -3_600]
  private static let fullDisks: [(service: String, step: FaultPoint)] = [
    ("gateway", .commitBegins), ("payments", .commitBegins), ("payments", .callAnswered),
    ("ledger", .commitBegins), ("ledger", .commitDone), ("audit", .requestAdmitted),
  ]
}
