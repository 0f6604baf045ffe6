import Chassis
import Vocabulary

/// How a request comes back after a page: as the query that it was; or, where that would make an address of ours too long
/// for the door, by the handle of one that is kept in the store.
extension Provider {
  /// Longest query that is carried along in an address, in bytes of its own encoding. Encoded once more as a parameter it
  /// is three times as long at most, and the door takes 8,000.
  static let carriedBytesMax = 1_024
  private static let mark = "kept."

  /// What stands for this request in an address.
  func continuation(_ query: String, _ visit: Visit) async throws -> String {
    guard query.utf8.count > Self.carriedBytesMax else { return query }
    let handle = newSecret()
    try await store.keep(
      request: query, handle: handle,
      place: LoginHandle.index(ofAddress: visit.address, key: secrets.blindIndex),
      at: clock.now())
    return Self.mark + handle
  }

  /// The request's parameters; nil when they are malformed, or not kept (any more).
  func continued(_ text: String) async throws -> Form? {
    guard text.hasPrefix(Self.mark) else { return try? Form(Array(text.utf8)) }
    let handle = String(text.dropFirst(Self.mark.count))
    guard let query = try await store.keptRequest(handle, at: clock.now()) else { return nil }
    return try? Form(Array(query.utf8))
  }

  /// The authorization endpoint's address for a request that goes on.
  func authorizeAddress(_ query: String, _ visit: Visit) async throws -> String {
    let text = try await continuation(query, visit)
    guard text.hasPrefix(Self.mark) else { return "/oauth2/authorize?" + text }
    return "/oauth2/authorize?" + Form.encode([(name: "continue", value: text)])
  }
}
