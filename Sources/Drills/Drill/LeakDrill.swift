import Charters
import Chassis
import Crypto
import CustomersAPI
import Demo
import Foundation
import Launcher
import Vocabulary

/// S5, D1, O1: what is known of people lies sealed in one service and nowhere else.
package enum LeakDrill {
  package static let drill = Drill(
    name: "leaks",
    promise:
      "S5 D1 O1: personal data is readable in no store, log, metric or launch record, in clear or in another spelling.",
    attacks: [
      Attack(
        "stores-and-logs",
        steps:
          "put a thousand people in and search every file of the home for their names, logins, addresses and phones: clear, base64, hex, UTF-16",
        expectation: "nothing is found"
      ) { range in
        let crowd = Crowd()
        // The drill's own people are entered, and its bank is made, within this time.
        let since = range.clock.now() - .seconds(3_600)
        try await crowd.enter(range)
        let search = search(for: crowd, and: range.bank)
        guard canFind(search, crowd) else { return .notTried("the search finds nothing at all") }
        let result = range.files.search(search, since: since)
        return .when(
          result.found.isEmpty && result.files > 10,
          "\(Crowd.count) people, \(search.count) spellings, \(result.seen)")
      },
      Attack(
        "payment-references",
        steps:
          "pay with a reference that names somebody, send it again, and search every file of the home for that name",
        expectation: "the payer gets it back, and nothing is found"
      ) { range in
        let name = "Q\(hexText(range.randomness.bytes(8)))"
        let key = range.newKey()
        let token = try await range.tokens(of: 0).accessToken
        var answers: [DrillRange.Answer] = []
        for _ in 0..<2 {
          answers.append(
            try await range.pay(1, from: 0, to: 1, key: key, token: token, reference: "for \(name)")
          )
        }
        guard answers.allSatisfy({ $0.status == 201 }) else {
          return .notTried("the payment is answered with \(answers[0].text)")
        }
        let search = NeedleSearch(NeedleSearch.spellings(of: name))
        let since = range.clock.now() - .seconds(3_600)
        let isShown = answers.allSatisfy { search.finds(in: Data($0.body)) }
        let result = range.files.search(search, since: since)
        return .when(
          isShown && result.found.isEmpty && result.files > 10, result.seen,
          recordedAs: answers[0].correlation)
      },
      Attack(
        "metrics", steps: "search every service's metrics for the same",
        expectation: "nothing is found"
      ) { range in
        let search = search(for: Crowd(), and: range.bank)
        var found: [String] = []
        for (service, _) in range.ports {
          let answer = try await range.line.send(.get, "/metrics", to: service)
          if search.finds(in: Data(answer.body)) { found.append("\(service)") }
        }
        return .when(
          found.isEmpty,
          found.isEmpty
            ? "\(range.ports.count) services, nothing found"
            : "found in \(found.joined(separator: ", "))")
      },
      Attack(
        "processes", steps: "read the command line and environment of every service",
        expectation: "no secret and no setting of ours but the home's path and the service's name"
      ) { range in
        var (read, odd) = (0, [String]())
        for (service, pid) in range.processes {
          guard let arguments = words(of: "/proc/\(pid)/cmdline"),
            let environment = words(of: "/proc/\(pid)/environ")
          else { continue }
          read += 1
          let names = Set(
            environment.compactMap { $0.split(separator: "=").first.map(String.init) })
          // The program, the home, and whose process it is.
          if arguments.count != 5
            || !names.isSubset(of: ["PATH", "TZ", "LANG", "SWIFT_BACKTRACE"])
          {
            odd.append("\(service): \(arguments.count) words, \(names.sorted())")
          }
        }
        guard read > 0 else { return .notTried("no process could be read") }
        return .when(
          odd.isEmpty,
          odd.isEmpty ? "\(read) processes, nothing but home and name" : odd.joined(separator: "; ")
        )
      },
      Attack(
        "core-dumps", steps: "ask the kernel what each service may leave behind when it crashes",
        expectation: "no core dump from any"
      ) { range in
        var (read, odd) = (0, [String]())
        for (service, pid) in range.processes {
          guard let limits = FileManager.default.contents(atPath: "/proc/\(pid)/limits") else {
            continue
          }
          read += 1
          let core = String(decoding: limits, as: UTF8.self).split(separator: "\n")
            .first { $0.hasPrefix("Max core file size") }?.split(separator: " ").dropFirst(4)
          if core?.prefix(2).allSatisfy({ $0 == "0" }) != true { odd.append("\(service)") }
        }
        guard read > 0 else { return .notTried("no process could be read") }
        return .when(
          odd.isEmpty,
          odd.isEmpty ? "\(read) processes may write none" : odd.joined(separator: ", "))
      },
    ])

  private static func words(of file: String) -> [String]? {
    FileManager.default.contents(atPath: file).map {
      $0.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }
  }

  private static func search(for crowd: Crowd, and bank: SeededBank) -> NeedleSearch {
    let words = bank.residents.flatMap { [$0.familyName, $0.login, $0.phone, $0.birthDate] }
    return NeedleSearch((words + crowd.words).flatMap(NeedleSearch.spellings))
  }

  /// A search that finds nothing in what is full of it proves nothing.
  private static func canFind(_ search: NeedleSearch, _ crowd: Crowd) -> Bool {
    let word = crowd.words[crowd.words.count / 2]
    return NeedleSearch.spellings(of: word).allSatisfy {
      search.finds(in: Data(Array("..".utf8) + $0 + Array("..".utf8)))
    } && search.finds(in: Data("x\(word)".utf8).base64EncodedData())
      && !search.finds(in: Data("nobody at all".utf8))
  }
}

/// A thousand people whose details stand nowhere else in the world. Always the same, so that every run finds them entered.
private struct Crowd {
  static let count = 1_000
  private static let idPrefix: UInt64 = 0x5357_4f52_4e45_4e31
  /// What nobody else is called, one for each.
  private let letters: [String]

  init() {
    let consonants = Array("bcdfghjklmnpqrst")
    letters = (0..<Self.count).map { number in
      let digest = SHA256.hash(data: Array("crowd \(number)".utf8))
      return String(digest.prefix(16).map { consonants[Int($0 & 15)] })
    }
  }

  var words: [String] {
    letters.flatMap { [given($0), family($0), email($0), street($0)] }
  }

  private func given(_ letters: String) -> String { "G\(letters.prefix(8))" }
  private func family(_ letters: String) -> String { "F\(letters.suffix(10))" }
  private func email(_ letters: String) -> String { "\(letters)@crowd.example.org" }
  private func street(_ letters: String) -> String { "\(letters) Street" }

  func enter(_ range: DrillRange) async throws {
    for (number, letters) in letters.enumerated() {
      let details = PersonalDetails(
        givenName: given(letters), familyName: family(letters), email: email(letters),
        phone: "+4420794600\(100 + number % 900)",
        address: PostalAddress(
          lines: [street(letters)], postalCode: "EX1 2MP", city: "Exampleton", country: "GB"),
        birthDate: "1990-01-01")
      let id = PersonID(bits: UInt128(Self.idPrefix) << 64 | 1 << 63 | UInt128(number))
      _ = try await range.desk.call(
        CustomersOperations.createCustomer, NewCustomer(id: id, details: details))
    }
  }
}
