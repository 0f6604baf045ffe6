import Charters
import Testing
import Vocabulary

@Suite struct `A route table` {
  static func table(_ templates: [String]) throws -> RouteTable<String> {
    var table = RouteTable<String>()
    for template in templates {
      #expect(table.add(.get, try PathTemplate(template), template) == nil)
    }
    return table
  }
  static let templates = [
    "/", "/v1/accounts", "/v1/accounts/lookup", "/v1/accounts/{id}", "/v1/accounts/{id}/transfers",
    "/v1/accounts/lookup/{key}/x", "/tile/{path...}", "/tile/info",
    "/.well-known/openid-configuration",
  ]

  @Test(
    arguments: [
      ("/", "/", [:]), ("/v1/accounts", "/v1/accounts", [:]),
      ("/v1/accounts/lookup", "/v1/accounts/lookup", [:]),
      ("/v1/accounts/a-b_c~d.e", "/v1/accounts/{id}", ["id": "a-b_c~d.e"]),
      ("/v1/accounts/lookup/transfers", "/v1/accounts/{id}/transfers", ["id": "lookup"]),
      ("/v1/accounts/lookup/k/x", "/v1/accounts/lookup/{key}/x", ["key": "k"]),
      ("/tile/info", "/tile/info", [:]),
      ("/tile/0/x001/067.p/12", "/tile/{path...}", ["path": "0/x001/067.p/12"]),
      ("/.well-known/openid-configuration", "/.well-known/openid-configuration", [:]),
    ] as [(String, String, [String: String])])
  func `finds the one template, literals first`(
    path: String, template: String, parameters: [String: String]
  ) throws {
    let match = try #require(try Self.table(Self.templates).match(.get, path))
    #expect(match.target == template)
    #expect(match.parameters == parameters)
  }

  @Test(arguments: [
    "", "v1/accounts", "/v1", "/v1/accounts/", "//v1/accounts", "/v1//accounts", "/v1/accounts/..",
    "/v1/./accounts", "/v1/accounts/%2e%2e", "/v1/accounts/a%2Fb", "/v1/accounts/x?y=1", "/tile",
    "/tile/", "/V1/accounts", "/v1/accounts/ä", "/v1/accounts/a\u{0}", "/v1/accounts/a b",
    "/v1/accounts;x=1",
  ])
  func `matches no other spelling`(path: String) throws {
    #expect(try Self.table(Self.templates).match(.get, path) == nil)
  }

  @Test func `tells an unknown path from a wrong method`() throws {
    let table = try Self.table(Self.templates)
    #expect(table.match(.post, "/v1/accounts") == nil)
    #expect(table.methods(on: "/v1/accounts") == [.get])
    #expect(table.methods(on: "/v2/accounts").isEmpty)
  }

  @Test func `refuses a second template of the same shape`() throws {
    var table = try Self.table(Self.templates)
    #expect(table.add(.get, try PathTemplate("/v1/accounts/{name}"), "x") == "/v1/accounts/{id}")
    #expect(table.add(.post, try PathTemplate("/v1/accounts/{name}"), "x") == nil)
  }

  @Test func `reads sixteen segments and no more`() throws {
    let table = try Self.table(["/{all...}"])
    let most = String(repeating: "/a", count: PathTemplate.segmentsMax)
    #expect(table.match(.get, most)?.parameters["all"] == String(most.dropFirst()))
    #expect(table.match(.get, most + "/a") == nil)
    let longest = "/" + String(repeating: "a", count: RouteTable<String>.pathBytesMax - 1)
    #expect(table.match(.get, longest) != nil)
    #expect(table.match(.get, longest + "a") == nil)
  }
}

@Suite struct `A path template` {
  @Test(arguments: [
    "", "x", "/a/", "//", "/a//b", "/{}", "/{A}", "/{a", "/a{b}", "/{a}b", "/{a...}/b", "/{a}/{a}",
    "/..", "/a%20b", "/{1a}", "/ä", "/a b",
  ])
  func `is refused when it is not one`(text: String) {
    #expect(throws: PathTemplateError.self) { try PathTemplate(text) }
  }

  @Test func `has 16 segments and 256 bytes at most`() throws {
    let most = String(repeating: "/a", count: 16)
    #expect(try PathTemplate(most).segments.count == 16)
    #expect(throws: PathTemplateError.self) { try PathTemplate(most + "/a") }
    #expect(try PathTemplate("/" + String(repeating: "a", count: 255)).segments.count == 1)
    #expect(throws: PathTemplateError.self) {
      try PathTemplate("/" + String(repeating: "a", count: 256))
    }
  }

  @Test func `names the nearest known word`() {
    #expect(nearest(to: "caller", among: ["callers", "calls"]) == "callers")
    #expect(nearest(to: "createHoldd", among: ["createHold", "voidHold"]) == "createHold")
    #expect(nearest(to: "zebra", among: ["callers", "calls"]) == nil)
  }
}
