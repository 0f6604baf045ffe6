import FoundationEssentials
import HTTPLine
import NIOCore
import NIOHTTP1
import NIOSSL
import PolicyBundles
import SwiftASN1
import Vocabulary
import X509

/// Answers the policy server's requests on one connection. A class, as attendants are; it lives on one event loop.
final class PolicyAttendant: Attendant {
  private let service: PolicyService
  private let authentication: RequestAuthentication
  private let loop: any EventLoop
  private let bodyBytesMax: Int
  private var caller = ""
  /// Subject of the caller's certificate.
  private var subject: String?

  init(_ service: PolicyService, _ authentication: RequestAuthentication, on loop: any EventLoop) {
    self.service = service
    self.authentication = authentication
    self.loop = loop
    bodyBytesMax = service.limits.bodyBytesMax
  }

  func identify(_ channel: any Channel) -> Visitor? {
    if let address = channel.remoteAddress, let host = address.ipAddress, let port = address.port {
      caller = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
    guard authentication == .tls else { return Visitor() }
    // Without a certificate that we can read there is no caller, and no connection.
    guard
      let handler = try? channel.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self),
      let bytes = try? handler.peerCertificate?.toDERBytes(),
      let certificate = try? Certificate(derEncoded: bytes)
    else { return nil }
    subject = certificate.subject.description
    let end = Instant(seconds: Int64(certificate.notValidAfter.timeIntervalSince1970))
    return Visitor { [service] in service.clock.now() < end }
  }

  func look(at head: HTTPRequestHead) -> HeadVerdict {
    guard let encoding = head.headers.first(name: "content-encoding"),
      !["identity", Self.gzip].contains(encoding.lowercased())
    else { return .read(bodyBytesMax: bodyBytesMax) }
    return .refuse(
      PolicyRefusal(
        status: 415, code: "unsupported_encoding",
        message: "content encoding \(encoding) is not taken; send the body as it is, or by gzip"
      ).answer.sent)
  }

  func refusal(of fault: DoorFault) -> LineAnswer {
    let refusal: PolicyRefusal =
      switch fault {
      case .malformed: .invalid("the request is no HTTP, or its head is too large")
      case .hostNotOnce: .invalid("a request of HTTP/1.1 has one Host field")
      case .bodyTooLarge(let bytesMax):
        PolicyRefusal(
          status: 413, code: "content_too_large", message: "a body has at most \(bytesMax) bytes")
      }
    return refusal.answer.sent
  }

  func answer(_ request: LineRequest, _ reply: Reply) {
    let asked: PolicyRequest
    do {
      asked = try PolicyRequest(
        method: request.head.method.rawValue, target: request.head.uri,
        headers: request.head.headers.map { ($0.name, $0.value) }, body: try plainBody(request),
        caller: caller, identity: identity(request.head))
    } catch {
      return reply.send(error.answer.sent)
    }
    switch service.answer(asked, on: loop) {
    case .now(let answer): reply.send(answer.sent)
    case .later(let answer):
      answer.whenComplete { result in
        // It fails only while the server stops.
        guard case .success(let answer) = result else { return reply.drop() }
        reply.send(answer.sent)
      }
    }
  }

  private static let gzip = "gzip"

  /// The body as it was before the client packed it, within the same limit.
  private func plainBody(_ request: LineRequest) throws(PolicyRefusal) -> [UInt8] {
    let bytes = Array(request.body.readableBytesView)
    guard request.head.headers.first(name: "content-encoding")?.lowercased() == Self.gzip else {
      return bytes
    }
    do {
      return try GzipStream.unpacked(bytes, bytesMax: bodyBytesMax)
    } catch {
      throw .invalid("the body is not one gzip member: \(error)")
    }
  }

  private func identity(_ head: HTTPRequestHead) -> String? {
    switch authentication {
    case .off: return nil
    case .tls: return subject
    case .token:
      let fields = head.headers[canonicalForm: "authorization"]
      // Of two tokens nobody can say whose request it is.
      guard fields.count == 1, let field = fields.first,
        field.prefix(7).lowercased() == "bearer "
      else { return nil }
      return String(field.dropFirst(7).drop { $0 == " " })
    }
  }
}

extension PolicyAnswer {
  fileprivate var sent: LineAnswer {
    LineAnswer(
      status: status, headers: contentType.map { ["content-type": $0] } ?? [:],
      body: ByteBuffer(string: body))
  }
}
