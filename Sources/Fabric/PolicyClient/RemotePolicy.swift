package import HTTPLine
package import NIOCore
import NIOSSL
package import PolicyEngine
import StrictJSON
import Vocabulary

/// What a client of a policy server accepts before it gives up.
package struct RemotePolicyLimits: Sendable {
  /// From the call to the answer, waiting for a connection included.
  package var deadline: Duration = .seconds(2)
  /// Largest input document, in bytes of JSON.
  package var questionBytesMax = 1 << 20
  package var line = LineLimits()

  package init() {
    line.answerBytesMax = 1 << 20
    line.connectionsMax = 16
    line.waitingMax = 256
    line.idleMax = .seconds(30)
  }
}

/// Files of certificates, in PEM, for `https`.
package struct RemotePolicyTrust: Sendable {
  /// Authorities that may vouch for the server; nil: those of the system.
  package var authorityFile: String?
  /// Our own certificate with its chain, and its key, where the server asks for one.
  package var certificateFile: String?
  package var keyFile: String?

  package init(
    authorityFile: String? = nil, certificateFile: String? = nil, keyFile: String? = nil
  ) {
    self.authorityFile = authorityFile
    self.certificateFile = certificateFile
    self.keyFile = keyFile
  }
}

/// What a policy server said.
package struct RemoteDecision: Hashable, Sendable {
  /// Nil: undefined, which is no permission.
  package let result: Value?
  /// Names the decision in the server's log; nil where it keeps none.
  package let decisionID: String?

  /// The result is `true`, and nothing else: what `allow` rules are asked for.
  package var isAllowed: Bool { result == .bool(true) }
}

/// Asks an Open Policy Agent, or our own policy server, for decisions (OPA REST API, `POST
/// /v1/data/PATH`). Connections are kept; redirects are not followed. A class: all callers share
/// its connections, which live on one event loop.
package final class RemotePolicy: Sendable {
  package let address: RemotePolicyAddress
  private let limits: RemotePolicyLimits
  private let token: @Sendable () -> String?
  private let loop: any EventLoop
  private let line: NIOLoopBoundBox<DialledLine>

  /// Opens no connection yet.
  /// - Parameter token: asked before each question for a bearer token (RFC 6750); nil: none.
  /// - Throws: `RemotePolicyFailure.misconfigured`.
  package init(
    _ address: RemotePolicyAddress, trust: RemotePolicyTrust = RemotePolicyTrust(),
    limits: RemotePolicyLimits = RemotePolicyLimits(), group: any EventLoopGroup,
    token: @escaping @Sendable () -> String? = { nil }
  ) throws(RemotePolicyFailure) {
    self.address = address
    self.limits = limits
    self.token = token
    loop = group.next()
    var security: DialledLine.Securing?
    if address.isEncrypted {
      let (context, name) = (try Self.context(trust), address.isIPAddress ? nil : address.host)
      security = { .init(try NIOSSLClientHandler(context: context, serverHostname: name)) }
    }
    line = .makeBoxSendingValue(
      DialledLine(
        to: .tcp(host: address.host, port: address.port), limits: limits.line, on: loop,
        security: security), eventLoop: loop)
  }

  private static func context(_ trust: RemotePolicyTrust) throws(RemotePolicyFailure)
    -> NIOSSLContext
  {
    do {
      var configuration = TLSConfiguration.makeClientConfiguration()
      configuration.minimumTLSVersion = .tlsv12
      if let file = trust.authorityFile { configuration.trustRoots = .file(file) }
      if let file = trust.certificateFile {
        configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(file).map {
          .certificate($0)
        }
      }
      if let file = trust.keyFile {
        configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: file, format: .pem))
      }
      return try NIOSSLContext(configuration: configuration)
    } catch {
      throw .misconfigured("certificates for the policy server cannot be used: \(error)")
    }
  }

  /// Asks for the document at a path, such as `authz/allow`.
  /// - Parameters:
  ///   - path: names below `data` with slashes between them.
  ///   - limit: shorter than the deadline of the limits, where a caller has less time; nil: that.
  /// - Throws: `RemotePolicyFailure`. A question changes nothing, so one whose kept connection was
  ///   closed under it is asked once more; nothing else is tried twice.
  package func decide(
    _ path: String, input: Value, within limit: Duration? = nil
  ) async throws(RemotePolicyFailure) -> RemoteDecision {
    let body = Value.object(ObjectValue([(.string("input"), input)])).jsonText
    guard body.utf8.count <= limits.questionBytesMax else { throw .tooLarge }
    let bearer = token()
    // A line break would end the field, and the rest would be one of its own.
    guard bearer?.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) ?? true else {
      throw .misconfigured("the token for the policy server is none")
    }
    let names = path.split(separator: "/").map { PercentEncoding.encode(String($0)) }
    var question = LineRequest(
      "POST", address.prefix + "/v1/data/" + names.joined(separator: "/"),
      host: address.authority, body: ByteBuffer(string: body))
    question.add("content-type", "application/json")
    if let bearer { question.add("authorization", "Bearer \(bearer)") }
    let span = min(limit ?? limits.deadline, limits.deadline)
    let (line, sent) = (line, question)
    do {
      return try Self.decision(
        try await loop.flatSubmit {
          line.value.send(sent, within: span, isRepeatable: true)
        }.get())
    } catch {
      switch error {
      case let failure as LineFailure: throw RemotePolicyFailure(failure)
      default: throw error as? RemotePolicyFailure ?? .unreachable
      }
    }
  }

  private static func decision(_ answer: LineAnswer) throws(RemotePolicyFailure) -> RemoteDecision {
    let value = try? Value.parse(json: answer.body.readableBytesView)
    guard case .object(let members)? = value else {
      guard answer.status == 200 else {
        throw .refused(status: answer.status, code: "", message: "")
      }
      throw .answerMalformed("no JSON object")
    }
    func text(_ name: String) -> String? {
      if case .string(let text)? = members[name] { String(text.prefix(256)) } else { nil }
    }
    guard answer.status == 200 else {
      throw .refused(
        status: answer.status, code: text("code") ?? "", message: text("message") ?? "")
    }
    // Of a member that stands twice nobody can say which one was meant.
    guard (try? JSON.parse(Array(answer.body.readableBytesView))) != nil else {
      throw .answerMalformed("a member stands twice, or the text is no strict JSON")
    }
    return RemoteDecision(result: members["result"], decisionID: text("decision_id"))
  }

  /// Closes what is idle at once, and the rest when it is answered. Questions that come later fail.
  package func close() {
    let line = line
    loop.execute { line.value.close() }
  }
}
