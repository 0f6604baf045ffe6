/// What this service keeps of its answers for replays.
package enum KeptAnswer {
  /// What such an answer is likely to contain, the likeliest last. Answers that were packed with it are not read without it,
  /// so its bytes never change; a service that wants others needs a second one beside it.
  package static let words = Array(
    """
    {"correlation_id":"","detail":"","payment":"","status":409,"title":"The payment was refused; no money is reserved",\
    "type":"urn:strongroom:problem:"}[["content-type","application/problem+json"]]
    [["content-type","application/json"],["location","/v1/payments/"],["retry-after","1"]]
    [["content-type","application/json"],["location","/v1/payments/"]]
    {"amount":{"currency":"EUR","minor_units":},"correlation_id":"","created_at":"2026-12-","creditor":"","debtor":"",\
    "id":"","reference":"","state":"posted","updated_at":"2026-12-"}
    """.utf8)
}
