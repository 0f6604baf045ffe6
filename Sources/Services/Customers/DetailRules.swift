package import CustomersAPI
package import Vocabulary

/// What personal details must look like to be recorded. Pure, and silent about values: a refusal names the field only.
package enum DetailRules {
  package static let nameCharactersMax = 80
  /// RFC 5321 §4.5.3.1.3, less the angle brackets.
  package static let emailBytesMax = 254
  package static let emailLocalBytesMax = 64
  /// E.164 §6.1.
  package static let phoneDigits = 7...15
  package static let addressLinesMax = 4
  package static let addressLineCharactersMax = 120
  package static let postalCodeCharactersMax = 16
  package static let cityCharactersMax = 80
  package static let nationalIDBytes = 4...32
  /// Nobody has lived longer; an older date is a slip of the keyboard.
  package static let ageYearsMax = 130

  /// The first field that is not as it must be, in the order of the contract; nil when all are well.
  package static func flaw(in details: PersonalDetails, today: CivilDate) -> DetailRefusal? {
    if !isName(details.givenName.reveal(for: .sealing)) { return .badField("given_name") }
    if !isName(details.familyName.reveal(for: .sealing)) { return .badField("family_name") }
    if !isEmail(details.email.reveal(for: .sealing)) { return .badField("email") }
    if !isPhone(details.phone.reveal(for: .sealing)) { return .badField("phone") }
    if let field = flaw(in: details.address.reveal(for: .sealing)) { return .badField(field) }
    if !isBirthDate(details.birthDate.reveal(for: .sealing), today: today) {
      return .badField("birth_date")
    }
    if let id = details.nationalID?.reveal(for: .sealing), !isNationalID(id) {
      return .badField("national_id")
    }
    return nil
  }

  private static func isName(_ text: String) -> Bool {
    isText(text, charactersMax: nameCharactersMax)
  }

  /// Not empty, not padded, of printable characters. Four bytes a character on average bound what combining marks can do.
  private static func isText(_ text: String, charactersMax: Int) -> Bool {
    (1...charactersMax).contains(text.count) && text.utf8.count <= charactersMax * 4
      && text.first?.isWhitespace == false && text.last?.isWhitespace == false
      && text.isDisplayText
  }

  private static func isEmail(_ text: String) -> Bool {
    let parts = text.utf8.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
    guard parts.count == 2, text.utf8.count <= emailBytesMax,
      (1...emailLocalBytesMax).contains(parts[0].count),
      text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f })
    else { return false }
    let labels = parts[1].split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    return labels.count >= 2 && labels.allSatisfy { (1...63).contains($0.count) }
  }

  private static func isPhone(_ text: String) -> Bool {
    text.hasPrefix("+") && phoneDigits.contains(text.utf8.count - 1)
      && text.utf8.dropFirst().allSatisfy { (48...57).contains($0) }
      && text.utf8.dropFirst().first != UInt8(ascii: "0")
  }

  private static func flaw(in address: PostalAddress) -> String? {
    guard (1...addressLinesMax).contains(address.lines.count),
      address.lines.allSatisfy({ isText($0, charactersMax: addressLineCharactersMax) })
    else { return "address/lines" }
    if let code = address.postalCode, !isText(code, charactersMax: postalCodeCharactersMax) {
      return "address/postal_code"
    }
    guard isText(address.city, charactersMax: cityCharactersMax) else { return "address/city" }
    guard address.country.utf8.count == 2,
      address.country.utf8.allSatisfy({ (65...90).contains($0) })
    else { return "address/country" }
    return nil
  }

  private static func isBirthDate(_ text: String, today: CivilDate) -> Bool {
    guard let day = CivilDate(text) else { return false }
    return day < today && day.components.year >= today.components.year - ageYearsMax
  }

  private static func isNationalID(_ text: String) -> Bool {
    nationalIDBytes.contains(text.utf8.count)
      && text.utf8.allSatisfy {
        (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 45
      }
  }
}

package enum DetailRefusal: Refusal, Equatable {
  /// A JSON pointer without its leading slash; never the value.
  case badField(String)
  case exists

  package var problem: Problem {
    switch self {
    case .badField(let field):
      Problem(
        "invalid-customer", 422, "The customer's details cannot be recorded",
        detail: "\(field) is not as the contract describes it", fields: ["field": "/" + field])
    case .exists:
      Problem(
        "customer-exists", 409, "This id is taken by a customer with other details", kind: .differs)
    }
  }
}
