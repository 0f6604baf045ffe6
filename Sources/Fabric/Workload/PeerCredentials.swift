import Glibc
import NIOCore

/// Who opened a Unix socket, as the kernel saw it at `connect` (SO_PEERCRED, unix(7)). The peer
/// cannot choose it.
package struct PeerCredentials: Hashable, Sendable {
  package let pid: Int32
  package let uid: UInt32
  package let gid: UInt32

  package init(pid: Int32, uid: UInt32, gid: UInt32) {
    self.pid = pid
    self.uid = uid
    self.gid = gid
  }

  /// Reads them from an accepted connection; fails for a channel that is not a socket.
  static func of(_ channel: any Channel) -> EventLoopFuture<PeerCredentials> {
    guard let provider = channel as? any SocketOptionProvider else {
      return channel.eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
    }
    let credentials: EventLoopFuture<KernelCredentials> = provider.unsafeGetSocketOption(
      level: .socket, name: NIOBSDSocket.Option(rawValue: SO_PEERCRED))
    return credentials.map { PeerCredentials(pid: $0.pid, uid: $0.uid, gid: $0.gid) }
  }

  /// The process at the other end of a plain connected socket.
  static func pid(of descriptor: Int32) -> Int32? {
    var credentials = KernelCredentials(pid: 0, uid: 0, gid: 0)
    var size = socklen_t(MemoryLayout<KernelCredentials>.size)
    guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0 else {
      return nil
    }
    return credentials.pid
  }
}

/// `struct ucred` of unix(7), which Glibc's module does not show: three 32-bit fields in this
/// order.
private struct KernelCredentials: Sendable {
  var pid: Int32
  var uid: UInt32
  var gid: UInt32
}
