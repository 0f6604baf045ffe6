import Charters
import Chassis
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
          "search every file of the home for names, logins, phones and birth dates: clear, base64, hex, UTF-16",
        expectation: "nothing is found"
      ) { range in
        let needles = spellings(of: range.bank)
        var (searched, found) = (0, Set<String>())
        let files = FileManager.default.enumerator(atPath: range.home.path)
        while let name = files?.nextObject() as? String {
          // The demo's login is meant to be read, by whoever started the platform.
          guard name != "demo.json", !Home.isProgram(name),
            let bytes = FileManager.default.contents(atPath: "\(range.home.path)/\(name)")
          else { continue }
          searched += 1
          if needles.contains(where: { bytes.range(of: $0) != nil }) { found.insert(name) }
        }
        return .when(
          found.isEmpty && searched > 10,
          "\(searched) files, \(needles.count) spellings"
            + (found.isEmpty
              ? ", nothing found" : "; found in \(found.sorted().joined(separator: ", "))"))
      },
      Attack(
        "metrics", steps: "search every service's metrics for the same",
        expectation: "nothing is found"
      ) { range in
        let needles = spellings(of: range.bank)
        var found: [String] = []
        for (service, _) in range.ports {
          let answer = try await range.line.send(.get, "/metrics", to: service)
          let bytes = Data(answer.body)
          if needles.contains(where: { bytes.range(of: $0) != nil }) { found.append("\(service)") }
        }
        return .when(
          found.isEmpty,
          found.isEmpty
            ? "\(range.ports.count) services, nothing found"
            : "found in \(found.joined(separator: ", "))")
      },
      Attack(
        "processes", steps: "read the command line and environment of every service",
        expectation: "no secret and no setting of ours but the home's path"
      ) { range in
        var (read, odd) = (0, [String]())
        for (service, pid) in range.processes {
          guard let arguments = words(of: "/proc/\(pid)/cmdline"),
            let environment = words(of: "/proc/\(pid)/environ")
          else { continue }
          read += 1
          let names = Set(
            environment.compactMap { $0.split(separator: "=").first.map(String.init) })
          // A sidecar is told its name, too.
          let isSidecar = range.charters[service]?.program != nil
          if arguments.count != (isSidecar ? 5 : 3)
            || !names.isSubset(of: ["PATH", "TZ", "LANG", "SWIFT_BACKTRACE"])
          {
            odd.append("\(service): \(arguments.count) words, \(names.sorted())")
          }
        }
        guard read > 0 else { return .notTried("no process could be read") }
        return .when(
          odd.isEmpty,
          odd.isEmpty ? "\(read) processes, nothing but --home" : odd.joined(separator: "; "))
      },
    ])

  private static func words(of file: String) -> [String]? {
    FileManager.default.contents(atPath: file).map {
      $0.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }
  }

  private static func spellings(of bank: SeededBank) -> [Data] {
    bank.residents.flatMap { [$0.familyName, $0.login, $0.phone, $0.birthDate] }.flatMap { word in
      let clear = Array(word.utf8)
      return [
        Data(clear), Data(Data(clear).base64EncodedString().dropLast(4).utf8),
        Data(hexText(clear).utf8), Data(clear.flatMap { [$0, 0] }),
      ]
    }
  }
}
