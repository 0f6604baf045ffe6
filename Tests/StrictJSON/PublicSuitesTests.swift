import FoundationEssentials
import StrictJSON
import TestKit
import Testing

@Suite struct `The JSON engine against public suites` {
  @Test func `reads and refuses as JSONTestSuite says`() throws {
    guard let bytes = try Testdata.file("http/JSONTestSuite.json") else { return }
    let cases = try JSON.parse(bytes).array ?? []
    // RFC 8259 leaves duplicate names open and the suite wants them accepted; we refuse them, since
    // two readers could each believe another value.
    let stricter = ["y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"]
    var verdicts: [String: Int] = [:]
    var passed = 0
    for item in cases {
      let name = try #require(item["name"]?.string)
      let base64 = try #require(item["b64"]?.string)
      let text = try #require(Data(base64Encoded: base64))
      let isAccepted = (try? JSON.parse(text)) != nil
      let right =
        switch item["expect"]?.string {
        case "accept": isAccepted != stricter.contains(name)
        case "reject": !isAccepted
        default: true
        }
      #expect(right, "\(name)")
      passed += right ? 1 : 0
      verdicts[
        "\(item["expect"]?.string ?? "?") \(isAccepted ? "accepted" : "refused")", default: 0] += 1
    }
    #expect(cases.count == 318)
    print("JSONTestSuite: \(passed) of \(cases.count) as required", verdicts)
    print("  stricter than the suite, on purpose: \(stricter.joined(separator: ", "))")
  }

  @Test func `writes canonical JSON byte for byte`() throws {
    guard let folder = Testdata.folder("merkle/jcs") else { return }
    var passed = 0
    let names = try FileManager.default.contentsOfDirectory(atPath: folder + "/input").sorted()
    for name in names {
      let input = try Data(contentsOf: URL(filePath: "\(folder)/input/\(name)"))
      let output = try Data(contentsOf: URL(filePath: "\(folder)/output/\(name)"))
      let isEqual = try JSON.parse(input).canonicalBytes == [UInt8](output)
      #expect(isEqual, "\(name)")
      passed += isEqual ? 1 : 0
    }
    #expect(names.count == 6)
    print("JCS (RFC 8785): \(passed) of \(names.count) passed")
  }

  @Test func `passes naughty strings through every field unchanged`() throws {
    guard let bytes = try Testdata.file("http/blns.json") else { return }
    let strings = try StrictJSON.decode([String].self, from: bytes)
    struct Carrier: Codable { var text: String; var names: [String: String]; var list: [String] }
    var passed = 0
    for string in strings {
      let carrier = Carrier(text: string, names: [string: string], list: [string])
      let again = try StrictJSON.decode(Carrier.self, from: StrictJSON.encode(carrier))
      let isSame =
        ([again.text, again.names[string] ?? "?"] + again.list).allSatisfy {
          $0.utf8.elementsEqual(string.utf8)
        }
        && again.names.keys.first.map { $0.utf8.elementsEqual(string.utf8) } == true
      #expect(isSame, "\(string)")
      passed += isSame ? 1 : 0
    }
    #expect(strings.count == 515)
    print("Naughty strings: \(passed) of \(strings.count) unchanged")
  }
}
