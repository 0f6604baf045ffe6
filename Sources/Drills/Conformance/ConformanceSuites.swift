package import PolicyEngine

extension ConformanceSuite {
  /// All suites, by name.
  /// - Parameter timeZones: what policies are told of the time in other places.
  package static func all(timeZones: TimeZones) -> [ConformanceSuite] {
    [
      authz, crypto, http, jsonschema, jwt, merkle, openapi, pii, rego(timeZones: timeZones),
      spiffe,
      waf, x509Limbo,
    ]
  }

  /// What a suite's folder may be called on the command line.
  package static let names = all(timeZones: TimeZones(files: [:])).map(\.name)
}
