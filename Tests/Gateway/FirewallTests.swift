import Charters
import Gateway
import NIOCore
import StrictJSON
import Synchronization
import Testing
import Transport
import Vocabulary
import WafAPI

/// What stands in the firewall's place: notes what it is shown, and answers as a test says. The rules themselves are in `Tests/Waf`,
/// and the whole in the drill.
final class ShownTexts: Sendable {
  private let shown = Mutex<[Inspection]>([])
  var all: [Inspection] { shown.withLock { $0 } }

  /// Refuses what holds `marked`; answers 503 to what holds `lost`.
  static let marked = "attack'--"
  static let lost = "lost"

  func answer(_ request: WireRequest) -> WireResponse? {
    guard request.target == WafOperations.inspect.path else { return nil }
    guard
      let inspection = try? StrictJSON.decode(Inspection.self, from: Array(buffer: request.body))
    else { return WireResponse(status: 400) }
    shown.withLock { $0.append(inspection) }
    let texts = inspection.texts.map(\.value)
    if texts.contains(where: { $0.contains(Self.lost) }) { return WireResponse(status: 503) }
    let isRefused = texts.contains { $0.contains(Self.marked) }
    let match = Inspected.Match(
      rule: 942_100, score: 5, place: "ARGS:reference", shape: "aaaaaa'--")
    let inspected = Inspected(
      verdict: isRefused ? .refused : .allowed, score: isRefused ? 5 : 0,
      matches: isRefused ? [match] : [])
    guard let body = try? StrictJSON.encode(inspected) else { return nil }
    return WireResponse(
      status: 200, headers: ["content-type": "application/json"], body: ByteBuffer(bytes: body))
  }
}

@Suite struct `What contracts leave free, at the door` {
  private static func payment(_ reference: String?, key: String = ShippedContracts.id, _ door: Door)
    throws -> String
  {
    var members: [String: JSON] = [
      "amount": ["minor_units": 1250, "currency": "EUR"], "debtor": .string(ShippedContracts.id),
      "creditor": "0193501d-7b00-7a3c-9d2e-0000000000b2",
    ]
    if let reference { members["reference"] = .string(reference) }
    return Door.payment(
      try door.token(), key: key,
      body: String(decoding: JSON.object(members).canonicalBytes, as: UTF8.self))
  }

  @Test func `is shown to the firewall, and nothing else of the request`() async throws {
    let shown = ShownTexts()
    let door = try await ShippedContracts.door(inspectedBy: shown)
    #expect(try await door.ask(try Self.payment("O'Brien", door)).status == 200)
    let inspection = try #require(shown.all.first)
    #expect(inspection.operation == "createPayment" && inspection.path == "/v1/payments")
    #expect(inspection.texts == [Inspection.Text(name: "reference", value: "O'Brien")])
    // A key of somebody's own words is one more.
    _ = try await door.ask(try Self.payment("Rent", key: "a'b", door))
    #expect(shown.all.last?.texts.map(\.name) == ["idempotency-key", "reference"])
    await door.close()
  }

  @Test func `is refused where the rules see an attack, without a word of the rules`() async throws
  {
    let door = try await ShippedContracts.door(inspectedBy: ShownTexts())
    let answer = try await door.ask(try Self.payment("x" + ShownTexts.marked, door))
    #expect(answer.status == 403 && answer.slug == "refused-by-firewall", "\(answer.content)")
    #expect(!answer.content.contains("942") && !answer.content.contains("reference"))
    #expect(answer.json?["correlation_id"] != nil && door.seen.all.isEmpty)
    let record = try #require(door.records.all.last)
    #expect(record.outcome == "refused" && record.reason == "refused-by-firewall")
    #expect(record.detail["firewall_rules"] == "942100" && record.subject != nil)
    #expect(record.detail["firewall_shape"] == "aaaaaa'--")
    await door.close()
  }

  @Test func `does not go in while nobody can look`() async throws {
    let door = try await ShippedContracts.door(inspectedBy: ShownTexts())
    let answer = try await door.ask(try Self.payment(ShownTexts.lost, door))
    #expect(answer.status == 503 && answer.slug == "not-inspected", "\(answer.content)")
    #expect(answer.fields["retry-after"] != nil && door.seen.all.isEmpty)
    #expect(door.records.all.last?.reason == "not-inspected")
    await door.close()
  }

  @Test func `asks nobody where there is none`() async throws {
    let shown = ShownTexts()
    let door = try await ShippedContracts.door(inspectedBy: shown)
    #expect(try await door.ask(try Self.payment(nil, door)).status == 200)
    for target in ["/v1/payments?limit=3", "/v1/payments/\(ShippedContracts.id)"] {
      let asked = try await door.ask(
        "GET \(target) HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer \(try door.token())\r\n\r\n")
      #expect(asked.status == 200)
    }
    #expect(shown.all.isEmpty)
    await door.close()
  }

  @Test func `is known of each operation from its contract`() throws {
    let shipped = try ShippedContracts.shared.get()
    let routes = EdgeRoutes(shipped.charters, factor: 1).all
    let free = routes.filter(shipped.book.hasFreeText).map(\.operation.id).sorted()
    print("operations with free text: \(free.joined(separator: ", ")); of \(routes.count)")
    #expect(free.contains("createPayment") && !free.contains("listPayments"))
    #expect(
      routes.filter { $0.operation.context["amount"] != nil }.allSatisfy {
        $0.operation.firewall.whenAway == .refuse
      })
  }
}
