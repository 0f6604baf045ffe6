import Crypto
import Foundation
import Testing

@Suite struct `Deploying a service` {
  private static let binary = "\(Workbench.checkout)/.build/debug/strongroom"
  private static let example = "\(Workbench.checkout)/Examples/greeter"

  /// A copy of the example, which is a service that is added, with what its build says of it.
  private func deploy(
    _ bench: Workbench, built: [String: String]? = nil, _ options: String...
  ) throws -> Workbench.Outcome {
    let folder = "\(bench.folder)/greeter"
    if !FileManager.default.fileExists(atPath: folder) {
      try FileManager.default.copyItem(atPath: Self.example, toPath: folder)
    }
    if let built {
      try bench.write(
        "greeter/built.sha256", built.map { "\($0.value)  \($0.key)\n" }.joined())
    }
    return try bench.run(
      [Self.binary, "deploy", folder, "--check", "--charters", Workbench.checkout] + options)
  }

  private func digest(_ file: String) throws -> String {
    SHA256.hash(data: try Data(contentsOf: URL(filePath: file))).map {
      ($0 < 16 ? "0" : "") + String($0, radix: 16)
    }.joined()
  }

  @Test func `is allowed for exactly what was built`() throws {
    try withWorkbench { bench in
      let sound = ["service.py": try digest("\(Self.example)/service.py")]
      let outcome = try deploy(bench, built: sound)
      #expect(outcome.code == 0, "\(outcome.output) \(outcome.errors)")
      #expect(outcome.output.contains("no objection to greeter"))
      let program = try bench.read("greeter/service.py")
      try bench.write("greeter/service.py", program + "\n# one byte more\n")
      let changed = try deploy(bench)
      #expect(changed.code == 65)
      #expect(changed.output.contains("service.py of greeter is not the one that was built"))
    }
  }

  @Test func `is refused for a file that nobody built beside its program, and for one elsewhere`()
    throws
  {
    try withWorkbench { bench in
      let sound = ["service.py": try digest("\(Self.example)/service.py")]
      _ = try deploy(bench, built: sound)
      try bench.write("greeter/helper.py", "print()\n")
      let beside = try deploy(bench)
      #expect(beside.code == 65 && beside.output.contains("helper.py of greeter is not"))
      try FileManager.default.removeItem(atPath: "\(bench.folder)/greeter/helper.py")
      try bench.write("elsewhere.py", "print()\n")
      let charter = try bench.read("greeter/charter.yaml")
      try bench.write(
        "greeter/charter.yaml",
        charter.replacing("service.py]", with: "service.py, \(bench.folder)/elsewhere.py]"))
      let elsewhere = try deploy(bench)
      #expect(elsewhere.code == 65 && elsewhere.output.contains("elsewhere.py of greeter is not"))
    }
  }

  @Test func `is refused where nobody says what was built, or says it unreadably`() throws {
    try withWorkbench { bench in
      let silent = try deploy(bench)
      #expect(silent.code == 65 && silent.output.contains("(not-the-built-one)"))
      try bench.write("greeter/built.sha256", "no digest\n")
      let nonsense = try deploy(bench)
      #expect(nonsense.code == 65 && nonsense.errors.contains("is no line of sha256sum"))
    }
  }

  @Test func `is refused by every other rule of the gate, too`() throws {
    try withWorkbench { bench in
      let sound = ["service.py": try digest("\(Self.example)/service.py")]
      _ = try deploy(bench, built: sound)
      let charter = try bench.read("greeter/charter.yaml")
      try bench.write(
        "greeter/charter.yaml",
        charter.replacing("memory_mib: 96", with: "memory_mib: 65536"))
      let outcome = try deploy(bench)
      #expect(outcome.code == 65 && outcome.output.contains("(limit-too-high)"))
    }
  }

  @Test func `needs a charter and policies`() throws {
    try withWorkbench { bench in
      let nowhere = try bench.run([
        Self.binary, "deploy", "\(bench.folder)/nothing", "--check", "--charters",
        Workbench.checkout,
      ])
      #expect(nowhere.code == 66 && nowhere.errors.contains("there is no charter.yaml"))
      let lawless = try deploy(bench, built: [:], "--policies", bench.folder)
      #expect(lawless.code == 65)
    }
  }

  @Test func `that the gate refuses, 'up' does not start either`() throws {
    try withWorkbench { bench in
      _ = try deploy(bench)
      let charter = try bench.read("greeter/charter.yaml")
      try bench.write(
        "greeter/charter.yaml",
        charter.replacing("memory_mib: 96", with: "memory_mib: 65536"))
      let outcome = try bench.run([
        Self.binary, "up", "--home", "\(bench.folder)/home", "--charters", Workbench.checkout,
        "--with", "\(bench.folder)/greeter", "--port-offset", "1900", "--gateway-port", "9990",
      ])
      #expect(outcome.code == 65 && outcome.output.contains("(limit-too-high)"))
      #expect(!FileManager.default.fileExists(atPath: "\(bench.folder)/home"))
    }
  }
}
