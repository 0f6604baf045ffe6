import Conformance
import PolicyEngine
import TestKit
import Testing

@Suite struct `The layout of a policy` {
  @Test(
    arguments: [
      ("package p\nx=1", "package p\n\nx := 1\n"),
      (
        "package p\n\n\n\nimport data.a\nx if{a==1;not input.b}",
        "package p\n\nimport data.a\nx if {\n\ta == 1\n\tnot input.b\n}\n"
      ),
      (
        "# why\npackage p # here\nx:={\"a\":[1,2,{3 ,-4}],  \"b\" : input . c}",
        "# why\npackage p # here\n\nx := {\"a\": [1, 2, {3, -4}], \"b\": input.c}\n"
      ),
      (
        "package p\nx := [\n1,\n{\n\"a\":2 },\n] # end\n",
        "package p\n\nx := [\n\t1,\n\t{\n\t\t\"a\": 2},\n] # end\n"
      ),
      (
        "package p\nx if {\n\n   y:=[z|z:=input.a[_];z>1]   # kept\n\n\n   f(y)-1==-1\n}\nelse=2 if true",
        "package p\n\nx if {\n\ty := [z | z := input.a[_]; z > 1] # kept\n\n\tf(y) - 1 == -1\n}\nelse := 2 if true\n"
      ),
      (
        "package p\nx if { every a in input.b { a>1 ; -1 == a } }",
        "package p\n\nx if {\n\tevery a in input.b {\n\t\ta > 1; -1 == a\n\t}\n}\n"
      ),
      (
        "package p\nx if y == 1\n  with input as {}\n  with data.a as 2\n",
        "package p\n\nx if y == 1\n\twith input as {}\n\twith data.a as 2\n"
      ),
      ("package p\nx := `a\n  # no comment\n b`\n", "package p\n\nx := `a\n  # no comment\n b`\n"),
    ] as [(String, String)])
  func `is the same for everybody`(_ source: String, _ wanted: String) throws {
    let source = source.replacing("input . c", with: "input.c")
    let formatted = try PolicyFormat.format(source, file: "p.rego")
    #expect(formatted == wanted)
    #expect(try PolicyFormat.format(formatted, file: "p.rego") == formatted)
  }

  @Test func `is stable and changes no meaning, for every module of OPA's cases`() throws {
    guard let folder = Testdata.folder("rego/opa-v1") else { return }
    var modules = 0
    var changed: [String] = []
    for one in try RegoCase.all(in: folder) {
      for source in one.modules {
        let once = try PolicyFormat.format(source, file: "p.rego")
        if try PolicyFormat.format(once, file: "p.rego") != once {
          changed.append("\(one.note): not stable:\n\(once)")
        }
        modules += 1
      }
      if one.reason == nil, let failure = one.failure(timeZones: .samples, formatted: true) {
        changed.append("\(one.note): \(failure)")
      }
    }
    print("rego: \(modules) modules formatted")
    #expect(changed.isEmpty, "\(changed.joined(separator: "\n"))")
  }

  @Test func `is refused for what is no policy`() {
    #expect(throws: PolicyError.self) { try PolicyFormat.format("package", file: "p.rego") }
  }
}
