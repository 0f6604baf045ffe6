import Charters
import Synchronization
package import Vocabulary

/// Where pages of registered clients run, as identity says. A class: the feed fills it, every event loop reads it.
package final class WebOriginBook: Sendable {
  private let origins = Mutex<Set<String>>([])

  package init() {}

  package func replace(by origins: some Sequence<String>) {
    let fresh = Set(origins)
    self.origins.withLock { $0 = fresh }
  }

  package func contains(_ origin: String) -> Bool { origins.withLock { $0.contains(origin) } }
}

/// Which answers scripts of other sites may read (Fetch §3.2, "CORS protocol"): those of identity's endpoints that are no
/// pages, from the origins that some client has registered. Never with credentials, so never with anybody's cookies, and
/// no wildcard. A refusal of the door's own is readable too, or an expired token would look like a broken line.
package struct CrossOrigin: Sendable {
  /// How long a browser may remember a preflight, in seconds.
  static let rememberedSeconds = 600
  /// What scripts need to read besides the content.
  static let exposed = "correlation-id, retry-after, www-authenticate"
  static let notRegistered = Problem(
    "origin-not-registered", 403, "Scripts of this origin may not ask here",
    detail: "register it with the client, under web_origins")

  private let book: WebOriginBook
  private let routes: EdgeRoutes

  package init(_ book: WebOriginBook, routes: EdgeRoutes) {
    self.book = book
    self.routes = routes
  }

  static func isShared(_ route: EdgeRoute) -> Bool {
    route.isIdentity && !route.operation.answers.contains("text/html")
  }

  /// The answer to a preflight; nil for any other request, and where nothing is shared.
  /// - Throws: `notRegistered`.
  package func preflight(_ head: RequestHead) throws(Problem) -> EdgeAnswer? {
    guard head.method == "OPTIONS", let origin = head[.origin],
      let method = head[.accessControlRequestMethod],
      case .route(let route, _) = routes.find(method, head.path), Self.isShared(route)
    else { return nil }
    guard book.contains(origin) else { throw Self.notRegistered }
    return EdgeAnswer(
      status: 204,
      fields: [
        ("access-control-allow-origin", origin), ("access-control-allow-methods", method),
        ("access-control-allow-headers", "authorization, content-type"),
        ("access-control-max-age", "\(Self.rememberedSeconds)"), ("vary", "origin"),
      ])
  }

  /// What an answer of this route says to the browser.
  package func fields(
    for head: RequestHead, route: EdgeRoute?
  ) -> [(name: String, value: String)] {
    guard let route, Self.isShared(route) else { return [] }
    // Also where nothing is allowed: a cache must not give one origin's answer to another.
    guard let origin = head[.origin], book.contains(origin) else { return [("vary", "origin")] }
    return [
      ("access-control-allow-origin", origin), ("access-control-expose-headers", Self.exposed),
      ("vary", "origin"),
    ]
  }
}
