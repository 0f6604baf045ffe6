import AuditAPI
package import Charters
package import Vocabulary

/// The folder of a new service in another language: it runs behind a sidecar, answers one operation to
/// the operator, and is refused everything else. Pure: texts in, texts out; nothing is written here.
package struct ProgramSkeleton: Sendable {
  /// `loans`, or `loan-offers`.
  package let name: ServiceName
  /// Internal port.
  package let port: Int

  /// - Throws: `Refusal` for no name, or one that is taken.
  package init(_ text: String, among charters: CharterSet) throws(ServiceSkeleton.Refusal) {
    guard let name = ServiceName(text) else {
      throw ServiceSkeleton.Refusal(
        description: "'\(text)' is not a service's name: [a-z][a-z0-9-]*, 31 at most")
    }
    guard charters[name] == nil else {
      throw ServiceSkeleton.Refusal(description: "there is a charter for '\(text)' already")
    }
    let taken = Set(charters.charters.compactMap(\.port))
    guard let port = (7_121...7_500).first(where: { !taken.contains($0) }) else {
      throw ServiceSkeleton.Refusal(description: "no port from 7121 to 7500 is free")
    }
    self.name = name
    self.port = port
  }

  /// `describeLoanOffers`.
  private var operation: String {
    let words = name.description.split(separator: "-")
    return "describe" + words.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
  }

  /// By their name in the folder.
  package var files: [String: String] {
    ["charter.yaml": charter, CharterGrants.fileName: grants, "service.py": program]
  }

  private static let recorder = AuditOperations.appendRecords.service

  private var charter: String {
    """
    apiVersion: strongroom/v1
    service: \(name)
    summary: What \(name) is for, in one sentence.
    port: \(port)
    program: {command: [/usr/bin/python3, service.py]}
    operations:
      - id: \(operation)
        method: GET
        path: /v1/\(name)
        summary: What this service is
        callers: [operator]
        body_bytes_max: 0
    calls:
      - {service: \(Self.recorder), operations: [appendRecords], delivery: outbox}
    egress: []
    data:
      - {class: outbox, sensitivity: confidential}
    secrets: []
    limits: {memory_mib: 96, open_files: 512, connections: 64}

    """
  }

  private var grants: String {
    """
    # The other ends of this service's edges: who runs `up --with` says yes to them by naming this folder.
    apiVersion: strongroom/v1
    grants_to: \(name)
    called_by:
      - {service: operator, operations: [\(operation)]}
    may_call:
      - {service: \(Self.recorder), operations: [appendRecords]}

    """
  }

  private var program: String {
    """
    from http.server import BaseHTTPRequestHandler
    from json import dumps
    from os import environ
    from socketserver import ThreadingMixIn, UnixStreamServer

    # Who calls, for whom and why stands in the request's Strongroom-* fields; see `strongroom sidecar --help`.
    OPERATIONS = {"\(operation)": lambda request: (200, {"service": environ["STRONGROOM_SERVICE"]})}


    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            operation = OPERATIONS.get(self.headers["Strongroom-Operation"])
            status, value = operation(self) if operation else (404, {"title": "No such operation", "status": 404})
            body = dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = answer

        def log_request(self, code="-", size="-"):
            pass


    class Server(ThreadingMixIn, UnixStreamServer):
        daemon_threads = True


    Server(environ["STRONGROOM_SERVE"], Handler).serve_forever()

    """
  }
}
