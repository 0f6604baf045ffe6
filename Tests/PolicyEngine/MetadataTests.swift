import PolicyEngine
import Testing

@Suite struct `Metadata` {
  private static let outer = """
    # METADATA
    # scope: subpackages
    # organizations: [Acme]
    package a
    """

  private static let inner = """
    # METADATA
    # title: Inner
    package a.b

    # METADATA
    # scope: document
    # description: All of it
    # custom:
    #   level: 3

    # METADATA
    # title: First
    # authors:
    # - Ada Lovelace <ada@example.org>
    # related_resources:
    # - https://example.org
    # schemas:
    # - input.x: schema.y
    p contains rego.metadata.rule()

    p contains rego.metadata.rule().title if input.never

    chain := [link.path | some link in rego.metadata.chain()]

    titles := [object.get(link, ["annotations", "title"], null) | some link in rego.metadata.chain()]
    """

  private func value(_ query: String) throws -> String? {
    let policy = try CompiledPolicy.compile([
      ("outer.rego", Self.outer), ("inner.rego", Self.inner),
    ])
    return try policy.evaluate("x := \(query)", EvaluationInput()).bindings.first?["x"]?.regoText
  }

  @Test func `of a rule is what stands closest before it`() throws {
    #expect(
      try value("data.a.b.p")
        == #"""
        {{"authors": [{"email": "ada@example.org", "name": "Ada Lovelace"}], \#
        "related_resources": [{"ref": "https://example.org"}], \#
        "schemas": [{"path": ["input", "x"], "schema": ["schema", "y"]}], \#
        "scope": "rule", "title": "First"}}
        """#)
  }

  @Test func `of all that is around a rule leads from it to the root`() throws {
    #expect(
      try value("data.a.b.chain") == #"[["a", "b", "chain"], ["a", "b"], ["a"]]"#)
    #expect(try value("data.a.b.titles") == #"[null, "Inner", null]"#)
  }

  @Test(
    arguments: [
      ("# METADATA\n# scope: package\nx := 1", "must be applied to package"),
      ("# METADATA\n# scope: all\nx := 1", "invalid annotation scope 'all'"),
      ("# METADATA\n# title: [\nx := 1", "yaml"),
      ("# METADATA\n# title: late", "must stand before a rule"),
      (
        "# METADATA\n# scope: document\nx := 1\n\n# METADATA\n# scope: document\nx := 1",
        "document annotation redeclared"
      ),
    ])
  func `that says nothing about anything is refused`(_ source: String, _ part: String) throws {
    do {
      _ = try CompiledPolicy.compile([("p.rego", "package p\n\n" + source)])
      Issue.record("not refused")
    } catch {
      #expect(error.errors[0].message.contains(part), "\(error)")
    }
  }
}
