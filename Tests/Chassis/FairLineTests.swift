import Chassis
import Testing

@Suite struct `A line in which people take turns` {
  private func line(_ ofPerson: Int, _ inWork: Int, waiting: Int = 8) -> FairLine<String> {
    var limits = FairLine<String>.Limits()
    limits.ofPersonMax = ofPerson
    limits.inWorkMax = inWork
    limits.personWaitingMax = waiting
    limits.waitingMax = 2 * waiting
    return FairLine(limits: limits)
  }

  @Test func `lets each person have a few in work, at the limit and not one above`() {
    var line = line(2, 10)
    #expect((0..<3).map { n in line.arrive("eve") { "e\(n)" } } == [.enters, .enters, .waits])
    #expect(line.arrive("ada") { "a" } == .enters)
    #expect(line.leave("eve") == ["e2"])
    #expect(line.leave("eve").isEmpty && line.leave("eve").isEmpty && line.leave("eve").isEmpty)
    #expect(line.inWork == 1 && line.waiting == 0)
  }

  @Test func `lets them in one after the other, whoever came first with more`() {
    var line = line(4, 1)
    #expect(line.arrive("ada") { "" } == .enters)
    for n in 0..<3 { #expect(line.arrive("eve") { "e\(n)" } == .waits) }
    #expect(line.arrive("bob") { "b0" } == .waits)
    #expect(line.arrive("ada") { "a1" } == .waits)
    var order: [String] = []
    var now = "ada"
    for _ in 0..<5 {
      let next = line.leave(now)
      order += next
      now = ["e": "eve", "b": "bob", "a": "ada"][String(next.first?.first ?? "?")] ?? ""
    }
    #expect(order == ["e0", "b0", "a1", "e1", "e2"])
    #expect(line.leave("eve").isEmpty && line.inWork == 0 && line.waiting == 0)
  }

  @Test func `refuses who has too many waiting, and never the others for it`() {
    var line = line(1, 2, waiting: 3)
    let eves = (0..<5).map { n in line.arrive("eve") { "e\(n)" } }
    #expect(eves == [.enters, .waits, .waits, .waits, .isRefused])
    #expect(line.arrive("ada") { "a" } == .enters)
    #expect(line.arrive("ada") { "a" } == .waits)
    #expect(line.arrive("bob") { "b" } == .waits)
    #expect(line.arrive("cem") { "c" } == .waits)
    // All that may wait together.
    #expect(line.arrive("dan") { "d" } == .isRefused)
  }

  @Test func `loses nobody and exceeds no limit, whatever comes and goes`() {
    var random: UInt64 = 7
    func draw(_ count: UInt64) -> UInt64 {
      random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (random >> 33) % count
    }
    var line = line(2, 3, waiting: 4)
    var inWork: [String] = []
    var waiting: Set<String> = []
    for step in 0..<20_000 {
      if draw(2) == 0 {
        let name = "p\(draw(5))"
        let ticket = "\(name) \(step)"
        switch line.arrive(name, { ticket }) {
        case .enters: inWork.append(name)
        case .waits: waiting.insert(ticket)
        case .isRefused: break
        }
      } else if !inWork.isEmpty {
        let name = inWork.remove(at: Int(draw(UInt64(inWork.count))))
        for ticket in line.leave(name) {
          #expect(waiting.remove(ticket) != nil)
          inWork.append(String(ticket.split(separator: " ")[0]))
        }
      }
      let most = Dictionary(grouping: inWork) { $0 }.values.map(\.count).max() ?? 0
      #expect(most <= 2 && inWork.count <= 3)
      #expect(line.inWork == inWork.count && line.waiting == waiting.count)
      // Nobody waits while there is room for that person.
      for ticket in waiting {
        let name = ticket.split(separator: " ")[0]
        #expect(inWork.count == 3 || inWork.count { $0 == name } == 2, "step \(step)")
      }
    }
  }
}
