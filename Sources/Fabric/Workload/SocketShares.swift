/// Which connections a socket's server keeps, by who opened them. Pure: it names the connection that
/// must go, the server closes it.
///
/// A process gets a few, a user a few more, and part of the whole is kept for the trusted users, so
/// that nobody else can shut the operator out. Where all share one user, the share of a process is
/// what holds; where somebody makes many processes, a full server first parts with connections that
/// have not said a word.
package struct SocketShares<Key: Hashable> {
  package enum Admission: Equatable {
    case refused
    case admitted(instead: Key?)
  }

  private struct Entry {
    let key: Key
    let peer: PeerCredentials
    var isSilent = true
  }

  /// Oldest first.
  private var entries: [Entry] = []
  private let limits: GRPCLimits
  private let trusted: Set<UInt32>

  /// - Parameter trusted: users for whom part of the places is kept: the operator's and our own.
  package init(limits: GRPCLimits, trusted: Set<UInt32>) {
    self.limits = limits
    self.trusted = trusted
  }

  /// A newcomer asks for a place.
  package mutating func enter(_ key: Key, from peer: PeerCredentials) -> Admission {
    let isTrusted = trusted.contains(peer.uid)
    let rivals = isTrusted ? entries : entries.filter { !trusted.contains($0.peer.uid) }
    let most = limits.connectionsMax - (isTrusted ? 0 : limits.connectionsKept)
    let ofUser = rivals.count { $0.peer.uid == peer.uid }
    let ofProcess = rivals.count { $0.peer.pid == peer.pid }
    guard ofProcess < limits.connectionsPerProcessMax,
      isTrusted || ofUser < limits.connectionsPerUserMax
    else { return .refused }
    guard rivals.count >= most else {
      entries.append(Entry(key: key, peer: peer))
      return .admitted(instead: nil)
    }
    guard let victim = Self.toGo(among: rivals, for: ofProcess) else { return .refused }
    leave(victim)
    entries.append(Entry(key: key, peer: peer))
    return .admitted(instead: victim)
  }

  /// It has opened HTTP/2.
  package mutating func hear(_ key: Key) {
    guard let index = entries.firstIndex(where: { $0.key == key }) else { return }
    entries[index].isSilent = false
  }

  package mutating func leave(_ key: Key) { entries.removeAll { $0.key == key } }

  /// The oldest that is silent, else the oldest of the process that holds most, if that is more than
  /// the newcomer's would hold.
  private static func toGo(among entries: [Entry], for share: Int) -> Key? {
    if let silent = entries.first(where: \.isSilent) { return silent.key }
    let processes = Dictionary(grouping: entries, by: \.peer.pid)
    guard let greedy = processes.values.max(by: { $0.count < $1.count }),
      greedy.count > share + 1
    else { return nil }
    return greedy.first?.key
  }
}
