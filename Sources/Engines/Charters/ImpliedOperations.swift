package import Vocabulary

extension CharterOperation {
  /// What every service exposes to the operator without a line in its charter: health, readiness, metrics. They stand
  /// behind the same door as everything else.
  package static func implied(_ method: HTTPMethod, _ path: String) -> CharterOperation? {
    method == .get ? impliedByPath[path] : nil
  }

  /// All of them.
  package static var allImplied: [CharterOperation] { Array(impliedByPath.values) }

  private static let impliedByPath: [String: CharterOperation] = {
    let named = [("health", "/healthz"), ("ready", "/readyz"), ("metrics", "/metrics")]
    var byPath: [String: CharterOperation] = [:]
    for (id, path) in named {
      guard let template = try? PathTemplate(path) else { continue }
      byPath[path] = CharterOperation(
        id: id, method: .get, path: template, summary: "", callers: [Charter.operatorName],
        isPublic: false, authentication: .none, scopes: [], purpose: nil, context: [:],
        forwards: [], idempotency: .natural, audit: .refusals, whenFull: .serve, query: [],
        bodyBytesMax: 0,
        timeout: .seconds(5), rate: nil, answers: CharterOperation.answersDefault,
        caching: .none, deprecation: nil, firewall: .default)
    }
    return byPath
  }()
}
