import PolicyEngine
import PolicySoak
import Testing

@Suite struct `The soak beside another engine` {
  @Test(arguments: PeerFault.all.map(\.name))
  func `holds nothing against the other engine that ours has wrong`(name: String) throws {
    let fault = try #require(PeerFault.all.first { $0.name == name })
    let answer = PolicyDispute.ours(fault.question)[0]
    #expect(fault.isDocumented(answer), "\(fault.rule): \(answer)")
  }

  @Test func `draws policies that ours decides, and the same for the same seed`() {
    for seed in 1...300 as ClosedRange<UInt64> {
      let question = PolicyDraw(seed: seed, inputs: 2).question
      #expect(question.line == PolicyDraw(seed: seed, inputs: 2).question.line)
      for answer in PolicyDispute.ours(question) {
        switch answer {
        case .value: break
        // Two values for one rule, which some inputs do give.
        case .error(let reason) where reason.contains(": eval_conflict_error: "): break
        default: Issue.record("seed \(seed): \(answer)")
        }
      }
    }
  }

  @Test func `cuts a policy down to what makes the difference`() throws {
    let source = """
      package p

      import rego.v1

      r0 contains x if some x in input.ns

      default r1 := "none"

      r1 := sprintf("%s:%d", [lower(trim(input.s, " ")), count(r0)]) if {
      \tcount(r0) > 1
      \tevery x in r0 { x < 10 }
      } else := "few"

      r2 := max(input.ns)
      """
    let inputs = try [#"{"ns":[1],"s":"a"}"#, #"{"ns":[1,2,3],"s":"B","f":true}"#].map {
      try Value.parse(json: Array($0.utf8))
    }
    // An engine that never ends a policy with `lower` in it, and agrees with ours on all others.
    func theirs(_ question: PolicyQuestion) -> [PolicyDispute.Answer] {
      question.source.contains("lower(")
        ? question.inputs.map { _ in .died } : PolicyDispute.ours(question)
    }
    let question = PolicyQuestion(source: source, inputs: [inputs[1]])
    let dispute = PolicyDispute(
      seed: 1, question: question, ours: PolicyDispute.ours(question)[0], theirs: .died)
    let small = dispute.shrunk(theirs)
    let lines = small.question.source.split(separator: "\n").filter { !$0.isEmpty }
    #expect(lines.count <= 3)
    #expect(small.question.source.contains("lower("))
    #expect(!small.question.source.contains("sprintf") && !small.question.source.contains("max"))
    #expect(small.question.inputs == [.object(ObjectValue([]))])
    #expect(small.theirs == .died)
  }

  @Test func `keeps the one input that matters`() {
    let question = PolicyQuestion(source: "package p", inputs: [.integer(1), .integer(2)])
    let small = PolicyShrinker().shrunk(question) { $0.inputs.contains(.integer(2)) }
    #expect(small.inputs == [.integer(2)])
  }

  @Test func `takes sets for arrays in any order, but no value for another`() {
    func value(_ numbers: Int...) -> PolicyDispute.Answer {
      .value(.array(numbers.map { .integer($0) }))
    }
    #expect(PolicyDispute.isSame(value(1, 2), value(2, 1)))
    #expect(!PolicyDispute.isSame(value(1, 2), value(1, 3)))
    #expect(!PolicyDispute.isSame(value(1), .undefined))
    #expect(PolicyDispute.isSame(value(1), .died))
    #expect(!PolicyDispute.isCompared(value(1), .died))
  }
}
