import StrictJSON
import Testing
import Vocabulary

private struct Payment: Codable, Equatable {
  enum Kind: String, Codable, CaseIterable { case instant, standing }
  struct Line: Codable, Equatable {
    var text: String
    var amount: Money?
  }
  enum CodingKeys: String, CodingKey {
    case id, amount, kind, lines, labels, at
    case isUrgent = "is_urgent"
  }
  var id: PaymentID
  var amount: Money
  var kind: Kind
  var lines: [Line]
  var labels: [String: Line]?
  var at: Instant?
  var isUrgent: Bool?
}

private let id = "0190163d-8694-739b-aea5-966c26f8ad91"
private func text(_ rest: String, amount: String = #"{"minor_units":5,"currency":"EUR"}"#)
  -> [UInt8]
{
  Array(#"{"id":"\#(id)","amount":\#(amount),"kind":"instant","lines":[]\#(rest)}"#.utf8)
}

@Suite struct `A type decoded from JSON` {
  @Test func `comes back as it was written`() throws {
    let euro = try #require(Currency("EUR"))
    let payment = Payment(
      id: try #require(PaymentID(id)),
      amount: try Money(minorUnits: 5, currency: euro),
      kind: .standing, lines: [.init(text: "a", amount: nil)],
      labels: ["é/~": .init(text: "b", amount: nil)], at: Instant(seconds: 1), isUrgent: false)
    let bytes = try StrictJSON.encode(payment)
    #expect(
      String(decoding: bytes, as: UTF8.self) == """
        {"amount":{"currency":"EUR","minor_units":5},"at":"1970-01-01T00:00:01.000000Z",\
        "id":"\(id)","is_urgent":false,"kind":"standing","labels":{"é/~":{"text":"b"}},\
        "lines":[{"text":"a"}]}
        """)
    #expect(try StrictJSON.decode(Payment.self, from: bytes) == payment)
    #expect(try StrictJSON.decode(Payment.self, from: JSON.parse(bytes)) == payment)
  }

  @Test func `may leave optionals out or null`() throws {
    #expect(try StrictJSON.decode(Payment.self, from: text("")).labels == nil)
    #expect(try StrictJSON.decode(Payment.self, from: text(#","labels":null"#)).labels == nil)
  }

  @Test(
    arguments: [
      (text(#","extra":1"#), "/extra", "unknown field"),
      (text(#","extra":{}"#), "/extra", "unknown field"),
      (text(#","extra":null"#), "/extra", "unknown field"),
      (text(#","labels":{"a/b":{"text":"x","y":1}}"#), "/labels/a~1b/y", "unknown field"),
      (
        text("", amount: #"{"minor_units":5,"currency":"EUR","x":0}"#), "/amount/x", "unknown field"
      ),
      (text("", amount: #"{"minor_units":5}"#), "/amount/currency", "is missing"),
      (
        text("", amount: #"{"minor_units":5,"currency":"EUX"}"#), "/amount/currency",
        "not a currency of ISO 4217 in force"
      ),
      (
        text("", amount: #"{"minor_units":5.0,"currency":"EUR"}"#), "/amount/minor_units",
        "an integer without fraction and exponent is expected"
      ),
      (
        text("", amount: #"{"minor_units":9007199254740992,"currency":"EUR"}"#),
        "/amount/minor_units", "overflow"
      ),
      (text("", amount: "7"), "/amount", "expected an object, found a number"),
      (text(#","at":7"#), "/at", "expected a string, found a number"),
      (text(#","at":"yesterday"# + "\""), "/at", "not a date-time of RFC 3339"),
      (text(#","is_urgent":"yes""#), "/is_urgent", "expected a boolean, found a string"),
      (Array(#"{"id":"\#(id)","kind":"rude"}"#.utf8), "/amount", "is missing"),
      (Array("[]".utf8), "", "expected an object, found an array"),
    ] as [([UInt8], String, String)])
  func `says where and why`(_ bytes: [UInt8], _ pointer: String, _ reason: String) {
    #expect(throws: JSONError(pointer: pointer, reason: reason)) {
      try StrictJSON.decode(Payment.self, from: bytes)
    }
  }

  @Test func `names the values an enumeration allows, and not the one that was sent`() {
    #expect(throws: JSONError(pointer: "/1", reason: "not one of: instant, standing")) {
      try StrictJSON.decode(
        [Payment.Kind].self, from: Array(#"["instant","4111111111111111"]"#.utf8))
    }
  }

  @Test(
    arguments: [
      ("{}", nil), (#"{"a":1}"#, "/a"), ("[]", ""), ("3", ""), ("null", ""),
    ] as [(String, String?)])
  func `without members takes an empty object only`(_ text: String, _ pointer: String?) {
    let outcome = Result { () throws(JSONError) in
      try StrictJSON.decode(Nothing.self, from: Array(text.utf8))
    }
    switch outcome {
    case .success: #expect(pointer == nil)
    case .failure(let error): #expect(error.pointer == pointer)
    }
  }

  @Test func `may hold any JSON where it says so`() throws {
    struct Event: Codable, Equatable {
      var name: String; var detail: JSON; var more: [String: JSON]
    }
    let text = #"{"detail":{"a":[1,{"b":null}]},"more":{"x":[true]},"name":"n"}"#
    let event = try StrictJSON.decode(Event.self, from: Array(text.utf8))
    #expect(event.detail["a"]?.array?.last == .object(["b": .null]))
    #expect(event.more == ["x": [true]])
    #expect(String(decoding: try StrictJSON.encode(event), as: UTF8.self) == text)
  }

  @Test func `reads every element of an array or refuses it`() {
    struct Pair: Decodable {
      init(from decoder: any Decoder) throws {
        var elements = try decoder.unkeyedContainer()
        _ = try elements.decode(Int.self)
        _ = try elements.decode(Int.self)
      }
    }
    #expect(throws: Never.self) { try StrictJSON.decode(Pair.self, from: Array("[1,2]".utf8)) }
    for (text, pointer) in [("[1,2,3]", "/2"), ("[1]", ""), ("[1,2,{}]", "/2"), ("[1,2,[]]", "/2")]
    {
      let error = #expect(throws: JSONError.self) {
        try StrictJSON.decode(Pair.self, from: Array(text.utf8))
      }
      #expect(error?.pointer == pointer, "\(text)")
    }
  }
}
