import Charters

/// A platform of three: the door, identity and payments.
enum SampleCharters {
  /// - Parameter change: of the charter of payments.
  static func load(_ change: (String) -> String = { $0 }) throws -> CharterSet {
    try CharterSet.load([
      CharterFile(name: "gateway.yaml", text: gateway),
      CharterFile(name: "identity.yaml", text: identity),
      CharterFile(name: "payments.yaml", text: change(payments)),
    ])
  }

  static let gateway = """
    apiVersion: strongroom/v1
    service: gateway
    summary: The only door.
    role: door
    port: 7100
    operations: []
    calls:
      - {service: identity, operations: [login]}
      - {service: payments, operations: [createPayment, getPayment]}
    limits: {memory_mib: 128, open_files: 1024, connections: 512}
    """
  static let identity = """
    apiVersion: strongroom/v1
    service: identity
    summary: Knows who signs in.
    role: issuer
    port: 7102
    operations:
      - {id: login, method: POST, path: /login, callers: [gateway], public: true,
         authentication: none, body_bytes_max: 1024, rate: {per_second: 1, burst: 3}}
    limits: {memory_mib: 128, open_files: 1024, connections: 512}
    """
  static let payments = """
    apiVersion: strongroom/v1
    service: payments
    summary: Moves money.
    port: 7105
    operations:
      - id: createPayment
        method: POST
        path: /v1/payments
        callers: [gateway]
        public: true
        scopes: [payments:create]
        purpose: payment.create
        context: {amount: /amount/minor_units, debtor: /debtor}
        idempotency: key
        body_bytes_max: 256
        timeout_ms: 10000
        rate: {per_second: 50, burst: 1000}
      - id: getPayment
        method: GET
        path: /v1/payments/{id}
        callers: [gateway]
        public: true
        scopes: [payments:read]
        purpose: payment.read
        timeout_ms: 3000
        rate: {per_second: 1, burst: 3}
    limits: {memory_mib: 128, open_files: 1024, connections: 512}
    """
}
