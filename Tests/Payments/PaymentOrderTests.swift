import Payments
import StrictJSON
import Testing
import Vocabulary

@Suite struct `A payment order` {
  private func body(
    units: String = "1250", currency: String = "EUR",
    debtor: String = "00000000-0000-0000-0000-0000000000a1",
    creditor: String = "00000000-0000-0000-0000-0000000000a2", rest: String = ""
  ) -> [UInt8] {
    Array(
      """
      {"amount":{"minor_units":\(units),"currency":"\(currency)"},"debtor":"\(debtor)",\
      "creditor":"\(creditor)"\(rest)}
      """.utf8)
  }

  private func slug(_ body: [UInt8]) -> String? {
    do {
      _ = try PaymentOrder(parsing: body)
      return nil
    } catch {
      return (error as? any Refusal)?.problem.slug ?? "\(error)"
    }
  }

  @Test func `is taken at its limits`() throws {
    let longest = String(repeating: "ß", count: 140)
    #expect(slug(body()) == nil)
    #expect(slug(body(units: "1")) == nil)
    #expect(slug(body(units: "9007199254740991")) == nil)
    #expect(slug(body(currency: "JPY", rest: #","reference":"\#(longest)""#)) == nil)
    let order = try PaymentOrder(parsing: body(rest: #","reference":"for Jane""#))
    #expect("\(order)".contains("Jane") == false)
    #expect(order.amount.description == "12.50 EUR")
  }

  @Test func `is refused with a name of its own, by precedence`() {
    let tooLong = String(repeating: "x", count: 141)
    let table: [([UInt8], String)] = [
      (body(units: "0", currency: "XXX"), "unknown-currency"),
      (body(currency: "eur"), "unknown-currency"),
      (body(units: "9007199254740992"), "amount-overflow"),
      (body(units: "9223372036854775808"), "amount-overflow"),
      (body(units: "-9007199254740992"), "amount-overflow"),
      (body(units: "1e300"), "amount-overflow"),
      (body(units: "0", creditor: "00000000-0000-0000-0000-0000000000a1"), "amount-zero"),
      (body(units: "-1"), "amount-negative"),
      (body(creditor: "00000000-0000-0000-0000-0000000000a1"), "same-account-twice"),
      (body(rest: #","reference":"""#), "reference-empty"),
      (body(rest: #","reference":"\#(tooLong)""#), "reference-too-long"),
      (body(rest: #","reference":"a\u0000""#), "reference-unreadable"),
      (body(rest: #","reference":"\u202egnp.exe""#), "reference-unreadable"),
      (body(rest: #","reference":"  ""#), "reference-unreadable"),
      (body(units: "12.5"), "malformed-request"),
      (body(units: "\"12\""), "malformed-request"),
      (body(debtor: "A1"), "malformed-request"),
      (body(rest: #","note":"x""#), "malformed-request"),
      (body(rest: #","debtor":"00000000-0000-0000-0000-0000000000a3""#), "malformed-request"),
      (Array("{}".utf8), "malformed-request"), (Array("".utf8), "malformed-request"),
    ]
    for (body, expected) in table {
      #expect(slug(body) == expected, "\(String(decoding: body, as: UTF8.self))")
    }
    #expect(
      Set(PaymentRefusal.allCases.map(\.problem.slug)).count == PaymentRefusal.allCases.count)
  }
}
