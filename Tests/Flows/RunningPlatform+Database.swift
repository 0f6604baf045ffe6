import Foundation
import Testing

/// What must hold of a platform whose stores are on a server.
extension RunningPlatform {
  /// The demo's payments; while services come back they may be refused for a moment.
  /// - Parameter attempts: a second apart.
  func expectPays(attempts: Int) async throws {
    var output = ""
    for _ in 0..<attempts {
      let demo = try await command("demo", "--json")
      if demo.exitCode == 0 { return }
      output = demo.output
      try await Task.sleep(for: .seconds(1))
    }
    Issue.record("the demo does not pay: \(output)")
  }

  /// In no other file of the home, and neither in the words nor in the environment of any process.
  func expectUnseen(_ password: String, in known: [String]) throws {
    let files = FileManager.default.enumerator(atPath: home)
    var seen: [String] = []
    while let name = files?.nextObject() as? String {
      let bytes = FileManager.default.contents(atPath: "\(home)/\(name)") ?? Data()
      if bytes.range(of: Data(password.utf8)) != nil { seen.append(name) }
    }
    #expect(seen == known)
    for pid in try FileManager.default.contentsOfDirectory(atPath: "/proc").filter({
      Int($0) != nil
    }) {
      for place in ["cmdline", "environ"] {
        let words = FileManager.default.contents(atPath: "/proc/\(pid)/\(place)") ?? Data()
        #expect(words.range(of: Data(password.utf8)) == nil)
      }
    }
  }
}
