import Charters
import Chassis
import NIOCore
import StrictJSON
import Vocabulary

// What each check of the door asks. Their order stands in `DoorChecks.swift`.

extension Edge {
  /// - Returns: the answer, where the door gives it by itself.
  func pass(_ check: HeadCheck, _ passage: inout Passage) throws(Problem) -> EdgeAnswer? {
    switch check {
    case .addressRate:
      book.arrive(from: passage.source.key, at: passage.receivedAt, &passage.report)
      guard passage.report.isAllowed else { throw passage.report.problem }
    case .ownDocument:
      guard let document = documents[passage.head.path] else { return nil }
      guard passage.method == HTTPMethod.get.rawValue else {
        throw .methodNotAllowed(DoorDocument.methods)
      }
      return finished(document.answer(to: passage.head[.ifNoneMatch]), passage, reason: nil)
    case .preflight:
      return try crossOrigin.preflight(passage.head).map { finished($0, passage, reason: nil) }
    case .route:
      switch routes.find(passage.head.method, passage.head.path) {
      case .route(let route, let parameters):
        passage.route = route
        passage.parameters = parameters
      case .none: throw Problem("not-found", 404, "There is nothing here")
      case .otherMethods(let methods): throw .methodNotAllowed(methods)
      }
    case .openRate, .tokenShown, .room, .mediaType, .idempotencyKey, .parameters:
      guard let route = passage.route else { throw .defect }
      return try pass(check, route, &passage)
    }
    return nil
  }

  /// The checks that know the operation.
  private func pass(
    _ check: HeadCheck, _ route: EdgeRoute, _ passage: inout Passage
  ) throws(Problem) -> EdgeAnswer? {
    let isOpen = route.operation.authentication == .none
    switch check {
    case .openRate where isOpen:
      book.open(
        route.index, route.limits, from: passage.source.key, at: passage.receivedAt,
        &passage.report)
      guard passage.report.isAllowed else { throw passage.report.problem }
    case .tokenShown where !isOpen:
      guard TokenGate.bearer(in: passage.head[.authorization]) != nil else {
        throw .unauthenticated
      }
    case .room where !disk.admits(route.operation):
      // Neither recorded nor held against its sender: nothing is wrong with it, and a record takes room.
      return finished(told(.diskFull, nil, passage), passage, reason: Problem.diskFull.slug)
    case .mediaType: try FormRules.checkMediaType(passage.head, route: route)
    case .idempotencyKey: try FormRules.checkIdempotencyKey(passage.head, route: route)
    case .parameters:
      try contracts.check(path: passage.parameters, target: passage.target, of: route)
    default: break
    }
    return nil
  }

  /// - Parameter body: the content, once it is known to be JSON.
  func pass(
    _ check: ContentCheck, _ passage: inout Passage, _ route: EdgeRoute, _ content: ByteBuffer,
    _ body: inout JSONDocument?
  ) throws(Problem) {
    switch check {
    case .scopes:
      guard let token = passage.token else { return }
      guard route.operation.scopes.isSubset(of: token.scopes) else {
        throw EntryRefusal.missingScope.problem
      }
    case .rates:
      guard let token = passage.token else { return }
      book.admit(
        route.index, route.limits, client: token.clientID, user: token.userOrNil,
        at: passage.receivedAt, &passage.report)
      guard passage.report.isAllowed else { throw passage.report.problem }
    case .json: body = try FormRules.json(of: content, in: passage.head)
    case .contract: try contracts.check(body: body, of: route)
    case .firewall:
      if firewall != nil { passage.texts = try contracts.texts(of: passage, body, to: route) }
    }
  }
}

extension Problem {
  /// RFC 9110 §15.5.6: with the methods that there are, which `Allow` repeats.
  fileprivate static func methodNotAllowed(_ methods: [String]) -> Problem {
    Problem(
      "method-not-allowed", 405, "This method is not allowed here",
      fields: ["allow": methods.joined(separator: ", ")])
  }
}
