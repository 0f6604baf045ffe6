import Chassis
import Crypto
import Foundation
package import HTTPLine
import NIOCore
package import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization
import Vocabulary
package import WorkloadIdentity

/// An authority of one's own, as a bank has one for its servers.
package struct OwnAuthority: Sendable {
  /// PEM, as `--outside-ca` takes it.
  package let file: String
  private let root: CertificateAuthority

  package init(for names: ServerNames) throws {
    root = try .edge(
      for: names, lifetime: .seconds(3_600), at: Clock.system.now(), randomness: .system)
    file = NSTemporaryDirectory() + "outside-\(UUID()).pem"
    let text = Data(root.certificateBytes).base64EncodedString(options: .lineLength64Characters)
    try Data("-----BEGIN CERTIFICATE-----\n\(text)\n-----END CERTIFICATE-----\n".utf8)
      .write(to: URL(filePath: file))
  }

  package func remove() { try? FileManager.default.removeItem(atPath: file) }

  fileprivate func tls(_ names: ServerNames) throws -> NIOSSLContext {
    let papers = try root.edgeCertificate(
      for: names, lifetime: .seconds(600), at: Clock.system.now(), randomness: .system)
    let configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: try papers.chain.map {
        .certificate(try NIOSSLCertificate(bytes: $0, format: .der))
      },
      privateKey: .privateKey(
        try NIOSSLPrivateKey(bytes: Array(papers.privateKey.derRepresentation), format: .der)))
    return try NIOSSLContext(configuration: configuration)
  }
}

/// A server of somebody else's on this machine, with real TLS. It remembers what it was asked.
package final class OutsideServer: Sendable {
  package struct Heard: Sendable {
    package let head: HTTPRequestHead
    package let body: String
  }
  package enum Manner: Sendable {
    case answer(LineAnswer)
    case silence
    case drop
  }
  private let heard = Mutex<[Heard]>([])
  private let door = Mutex<OpenDoor?>(nil)
  private let manner: @Sendable (Heard) -> Manner

  package var requests: [Heard] { heard.withLock { $0 } }
  package var port: Int { door.withLock { $0?.port } ?? 0 }

  package init(
    _ authority: OwnAuthority, _ names: ServerNames, _ manner: @escaping @Sendable (Heard) -> Manner
  ) async throws {
    self.manner = manner
    let context = try authority.tls(names)
    let open = try await Door(limits: DoorLimits()) { [self] _ in
      Reception(tls: NIOSSLServerHandler(context: context), Clerk(self))
    }.open(at: .tcp(host: "127.0.0.1", port: 0), group: MultiThreadedEventLoopGroup.singleton)
    door.withLock { $0 = open }
  }

  package func close() async { await door.withLock { $0 }?.drain(within: .zero) }

  private final class Clerk: Attendant {
    private let server: OutsideServer
    init(_ server: OutsideServer) { self.server = server }

    func identify(_ channel: any Channel) -> Visitor? { Visitor() }
    func look(at head: HTTPRequestHead) -> HeadVerdict { .read(bodyBytesMax: 4 << 20) }
    func answer(_ request: LineRequest, _ reply: Reply) {
      let heard = Heard(head: request.head, body: String(buffer: request.body))
      server.heard.withLock { $0.append(heard) }
      switch server.manner(heard) {
      case .answer(let answer): reply.send(answer)
      case .silence: break
      case .drop: reply.drop()
      }
    }
  }
}
