import Glibc
import NIOCore
package import NIOPosix
package import OutsideReach
import Vocabulary

/// Asks for a name's addresses, once for each call. Handed in, so that tests can lie.
package struct NameLookup: Sendable {
  /// The name as it stands in the charter; nothing is added to it.
  package let ask: @Sendable (String) async throws -> [IPAddress]

  package init(_ ask: @escaping @Sendable (String) async throws -> [IPAddress]) {
    self.ask = ask
  }

  /// The system's resolver on threads of its own, for it blocks. A slow one holds up calls that wait for names, and nothing else.
  package static func system(threads: NIOThreadPool) -> NameLookup {
    NameLookup { name in try await threads.runIfActive { resolve(name) } }
  }

  /// - Returns: empty where the name leads nowhere, or nobody answers in time. A resolver that is late goes on without its caller.
  func addresses(
    of name: String, within span: Duration, on loop: any EventLoop
  ) async throws -> [IPAddress] {
    let found = loop.makePromise(of: [IPAddress].self)
    let late = loop.scheduleTask(in: .nanoseconds(max(span, .zero).nanoseconds)) {
      found.succeed([])
    }
    Task { [ask] in
      let answer = (try? await ask(name)) ?? []
      late.cancel()
      found.succeed(answer)
    }
    return try await found.futureResult.get()
  }

  private static func resolve(_ name: String) -> [IPAddress] {
    var wished = unsafe addrinfo()
    unsafe wished.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    // The dot ends the name: no search list of this machine's network makes another one of it.
    guard unsafe getaddrinfo(name + ".", nil, &wished, &list) == 0 else { return [] }
    defer { unsafe freeaddrinfo(list) }
    var (found, next) = unsafe ([IPAddress](), list)
    while let entry = unsafe next?.pointee {
      if let address = unsafe IPAddress(entry), !found.contains(address) { found.append(address) }
      unsafe next = entry.ai_next
    }
    return found
  }
}

extension IPAddress {
  fileprivate init?(_ entry: addrinfo) {
    guard let address = unsafe entry.ai_addr else { return nil }
    let start = UnsafeRawPointer(address)
    switch unsafe (entry.ai_family, Int(entry.ai_addrlen)) {
    // `sin_addr` and `sin6_addr`, in network order.
    case (AF_INET, MemoryLayout<sockaddr_in>.size...):
      self = .v4(UInt32(bigEndian: unsafe start.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
    case (AF_INET6, MemoryLayout<sockaddr_in6>.size...):
      self = .v6(
        UInt128(bigEndian: unsafe start.loadUnaligned(fromByteOffset: 8, as: UInt128.self)))
    default: return nil
    }
  }
}
