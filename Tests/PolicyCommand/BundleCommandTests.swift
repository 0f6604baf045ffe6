import Foundation
import PolicyEngine
import Testing

@Suite struct `A bundle` {
  static let files = [
    "authz/policy.rego": "package authz\n\nallow if data.authz.roles[input.user]\n",
    "authz/data.json": #"{"roles": {"ada": ["admin"]}}"#,
  ]

  /// A key pair made by openssl: `NAME.pem` and `NAME.pub`.
  private func key(_ bench: Workbench, _ name: String, _ options: [String]) throws {
    let made = try bench.run(
      ["/usr/bin/openssl", "genpkey", "-out", "\(name).pem"] + options)
    #expect(made.code == 0, "\(made.errors)")
    let read = try bench.run(
      ["/usr/bin/openssl", "pkey", "-in", "\(name).pem", "-pubout", "-out", "\(name).pub"])
    #expect(read.code == 0, "\(read.errors)")
  }

  @Test func `holds policies, data and a manifest, which tar reads`() throws {
    try withWorkbench(Self.files) { bench in
      let built = try bench.policy("build", "-r", "7", "-o", "b.tar.gz", ".")
      #expect(built.code == 0, "\(built.errors)")
      let listed = try bench.run(["/usr/bin/tar", "tzf", "b.tar.gz"])
      #expect(listed.output == "/.manifest\n/data.json\n/authz/policy.rego\n", "\(listed.errors)")
      let manifest = try bench.run(["/usr/bin/tar", "xzOf", "b.tar.gz", "/.manifest"])
      #expect(manifest.output == #"{"rego_version":1,"revision":"7","roots":[""]}"#)
      let decided = try bench.policy(
        "eval", "-f", "raw", "-b", "b.tar.gz", "-I", "data.authz.allow", input: #"{"user":"ada"}"#)
      #expect(decided.output == "true\n", "\(decided.errors)")
      let again = try bench.policy("build", "-r", "7", "-o", "c.tar.gz", ".")
      #expect(again.code == 0)
      #expect(try bench.run(["/usr/bin/cmp", "b.tar.gz", "c.tar.gz"]).code == 0)
    }
  }

  @Test func `is read as gzip and GNU tar write it`() throws {
    try withWorkbench(Self.files) { bench in
      try bench.write(".manifest", #"{"revision": "9", "roots": ["authz"]}"#)
      let text = String(repeating: "# A long line that deflate makes short.\n", count: 500)
      try bench.write("authz/more.rego", "package authz\n\n" + text + "\nmore := 1\n")
      let packed = try bench.run(["/usr/bin/tar", "czf", "g.tar.gz", ".manifest", "authz"])
      #expect(packed.code == 0, "\(packed.errors)")
      let outcome = try bench.policy("inspect", "-f", "json", "g.tar.gz")
      let wanted =
        #"{"manifest":{"revision":"9","roots":["authz"]},"#
        + #""namespaces":{"data.authz":["/authz/more.rego","/authz/policy.rego"]}}"#
      #expect(outcome.json?.jsonText == wanted, "\(outcome.errors)")
      #expect(
        try bench.policy("eval", "-f", "raw", "-b", "g.tar.gz", "data.authz.more").output == "1\n")
    }
  }

  @Test(
    arguments: [
      ("ES256", ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
      ("ES384", ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]),
      ("RS256", ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
      ("PS512", ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
    ])
  func `is believed by its signature only`(_ algorithm: String, _ options: [String]) throws {
    try withWorkbench(Self.files) { bench in
      try key(bench, "ours", options)
      try key(bench, "theirs", options)
      let built = try bench.policy(
        "build", "-o", "b.tar.gz", "--signing-key", "ours.pem", "--signing-alg", algorithm, "authz")
      #expect(built.code == 0, "\(built.errors)")
      func inspected(_ file: String, _ key: String) throws -> Workbench.Outcome {
        try bench.policy(
          "inspect", file, "--verification-key", key, "--signing-alg", algorithm)
      }
      #expect(try inspected("b.tar.gz", "ours.pub").code == 0)
      let other = try inspected("b.tar.gz", "theirs.pub")
      #expect(other.code == 1 && other.errors.contains("not by the given key"))

      // Taken apart, changed, and put together again.
      try FileManager.default.createDirectory(
        atPath: bench.folder + "/x", withIntermediateDirectories: true)
      #expect(try bench.run(["/usr/bin/tar", "xzf", "b.tar.gz", "-C", "x"]).code == 0)
      #expect(try inspected("x", "ours.pub").code == 0)
      try bench.write("x/authz/policy.rego", "package authz\n\nallow := true\n")
      let changed = try inspected("x", "ours.pub")
      #expect(changed.code == 1)
      #expect(changed.errors.contains("'authz/policy.rego' was changed after it was signed"))
      try bench.write("x/authz/policy.rego", Self.files["authz/policy.rego"] ?? "")
      try bench.write("x/more.rego", "package more\n\nallow := true\n")
      #expect(try inspected("x", "ours.pub").errors.contains("'more.rego' was not signed"))
      try FileManager.default.removeItem(atPath: bench.folder + "/x/more.rego")
      try FileManager.default.removeItem(atPath: bench.folder + "/x/data.json")
      #expect(
        try inspected("x", "ours.pub").errors.contains("'data.json' was signed and is missing"))
      try FileManager.default.removeItem(atPath: bench.folder + "/x/.signatures.json")
      #expect(try inspected("x", "ours.pub").errors.contains("not signed"))
    }
  }

  @Test func `is signed with a secret, and never by another algorithm than asked for`() throws {
    try withWorkbench(Self.files) { bench in
      try key(bench, "ours", ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"])
      // The public key as an HMAC secret: the known confusion (RFC 8725 §2.1).
      let built = try bench.policy(
        "build", "-o", "b.tar.gz", "--signing-key", "ours.pub", "--signing-alg", "HS256", "authz")
      #expect(built.code == 0, "\(built.errors)")
      let outcome = try bench.policy("inspect", "b.tar.gz", "--verification-key", "ours.pub")
      #expect(outcome.code == 1 && outcome.errors.contains("was not signed with RS256"))
      let right = try bench.policy(
        "inspect", "b.tar.gz", "--verification-key", "ours.pub", "--signing-alg", "HS256")
      #expect(right.code == 0)
    }
  }

  @Test(arguments: ["", "not gzip at all, and long enough to be one", "\u{1f}\u{8b}"])
  func `that is none is refused`(_ text: String) throws {
    try withWorkbench(["b.tar.gz": text]) { bench in
      let outcome = try bench.policy("inspect", "b.tar.gz")
      #expect(outcome.code == 1)
      #expect(outcome.errors.hasPrefix("b.tar.gz: "))
    }
  }

  @Test func `cut short or with a bit turned is refused or says the same`() throws {
    try withWorkbench(Self.files) { bench in
      #expect(try bench.run(["/usr/bin/tar", "czf", "g.tar.gz", "authz"]).code == 0)
      let whole = [UInt8](try Data(contentsOf: URL(filePath: bench.folder + "/g.tar.gz")))
      let path = bench.folder + "/x.tar.gz"
      for place in stride(from: 10, to: whole.count, by: max(1, whole.count / 12)) {
        try Data(whole[..<place]).write(to: URL(filePath: path))
        #expect(try bench.policy("inspect", "x.tar.gz").code == 1)
        var turned = whole
        turned[place] ^= 0x10
        try Data(turned).write(to: URL(filePath: path))
        #expect(try bench.policy("inspect", "x.tar.gz").code == 1, "byte \(place)")
      }
    }
  }

  @Test func `keeps to its roots`() throws {
    try withWorkbench([
      "x/.manifest": #"{"roots": ["a"]}"#, "x/data.json": #"{"a": 1, "b": {"c": 2}}"#,
    ]) { bench in
      let outcome = try bench.policy("inspect", "x")
      #expect(outcome.code == 1 && outcome.errors.contains("data at 'b/c' is outside"))
    }
  }
}
