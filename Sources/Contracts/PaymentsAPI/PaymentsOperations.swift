package import Vocabulary

/// The operations of the payments service: one constant per operationId in its `openapi.yaml`.
package enum PaymentsOperations {
  /// Moves money, once per `Idempotency-Key`. 201 when it is posted; 202 with the payment as it
  /// stands where that is not known in time; a problem where it was refused. With the query `dry_run=true`, for which no
  /// key is needed: 200 with a `PaymentRehearsal`.
  package static let createPayment = Operation<NewPayment, Payment>(
    "createPayment", of: "payments", .post, "/v1/payments")
  /// One of the person's own payments.
  package static let getPayment = Operation<Nothing, Payment>(
    "getPayment", of: "payments", .get, "/v1/payments/{id}")
  /// The person's payments, newest first. Queries: `limit` 1–200 (default 50), `after`.
  package static let listPayments = Operation<Nothing, PaymentPage>(
    "listPayments", of: "payments", .get, "/v1/payments")
  /// What happened to the person's payments, oldest first. Queries: `since` (default 0), `limit`
  /// 1–200 (default 50).
  package static let getActivity = Operation<Nothing, Activity>(
    "getActivity", of: "payments", .get, "/v1/activity")
  /// The person's accounts. Queries: `limit` 1–200 (default 200), `after`.
  package static let listMyAccounts = Operation<Nothing, OwnAccounts>(
    "listMyAccounts", of: "payments", .get, "/v1/accounts")
  /// The balance of one of the person's accounts.
  package static let getBalance = Operation<Nothing, Balance>(
    "getBalance", of: "payments", .get, "/v1/accounts/{id}/balance")
  /// Movements on one of the person's accounts, those accepted last first. Queries: `limit` 1–200 (default 50), `after`;
  /// `from` and `until`, moments: accepted at or after the one, and before the other; `booked_from` and `booked_until`,
  /// days: booked on one of them or between.
  package static let listStatement = Operation<Nothing, Statement>(
    "listStatement", of: "payments", .get, "/v1/accounts/{id}/transfers")

  /// Opens an account for somebody, once per `Idempotency-Key`.
  package static let openAccount = Operation<NewManagedAccount, ManagedAccount>(
    "openAccount", of: "payments", .post, "/v1/managed/accounts")
  /// The accounts of one person, for whoever manages accounts. Query `owner` is mandatory.
  package static let listManagedAccounts = Operation<Nothing, ManagedAccounts>(
    "listManagedAccounts", of: "payments", .get, "/v1/managed/accounts")
  /// Any account, for whoever manages accounts.
  package static let getManagedAccount = Operation<Nothing, ManagedAccount>(
    "getManagedAccount", of: "payments", .get, "/v1/managed/accounts/{id}")
  /// Freezes, thaws or closes an account. Repeating it changes nothing.
  package static let changeAccount = Operation<ManagedAccountChange, ManagedAccount>(
    "changeAccount", of: "payments", .post, "/v1/managed/account-changes")

  /// Most items on a page.
  package static let pageMax = 200
  /// Items on a page unless told otherwise.
  package static let pageDefault = 50
  /// Longest reference, in characters (Unicode scalars).
  package static let referenceMax = 140
}
