package import LedgerBook
import Storage
package import Vocabulary

/// What a batch of accounts came to.
package struct OpenedAccounts: Sendable {
  /// One for each request, in order.
  package let outcomes: [AccountOutcome]
  /// How many are new, and the first and the last of them.
  package let created: Int
  package let first: AccountID?
  package let last: AccountID?
  package let moment: Instant
}

/// What a change of an account came to.
package struct ChangedAccount: Sendable {
  package let outcome: AccountChangeOutcome
  /// As it stands after it; nil where there is none.
  package let account: Account?
  package let moment: Instant
}

/// What a batch of transfers came to.
package struct AppliedTransfers: Sendable {
  /// One for each request, in order.
  package let outcomes: [TransferOutcome]
  /// How many were accepted, and the first and the last of them.
  package let created: Int
  package let first: Transfer?
  package let last: Transfer?
  package let moment: Instant
}

/// A transfer of history, with the end of the hold where it is one and has one.
package struct StoredTransfer: Sendable {
  package let transfer: Transfer
  package let end: HoldEnd?

  package init(transfer: Transfer, end: HoldEnd?) {
    self.transfer = transfer
    self.end = end
  }
}

/// The books cannot answer just now; the same request again will tell.
package enum LedgerFault: Error, Hashable, Sendable, Refusal {
  /// What was decided could not be kept, and the books are being read again.
  case readingAgain

  package var problem: Problem { .unavailable(retryAfterSeconds: 1) }
}

/// Work for the book, and how its caller hears of it.
struct LedgerWork: Sendable {
  enum Kind: Sendable {
    case open(
      [AccountRequest], tell: @Sendable (OpenedAccounts) throws -> [OutboxMessage],
      answer: @Sendable (Result<OpenedAccounts, any Error>) -> Void)
    case change(
      AccountID, AccountChange, tell: @Sendable (ChangedAccount) throws -> [OutboxMessage],
      answer: @Sendable (Result<ChangedAccount, any Error>) -> Void)
    case apply(
      [RequestRow], then: RequestRow?, [Int: Authorization],
      tell: @Sendable (AppliedTransfers) throws -> [OutboxMessage],
      answer: @Sendable (Result<AppliedTransfers, any Error>) -> Void)
    case rehearseOpening(
      [AccountRequest], answer: @Sendable (Result<[AccountOutcome], any Error>) -> Void)
    case rehearse(
      [RequestRow], [Int: Authorization],
      answer: @Sendable (Result<[TransferOutcome], any Error>) -> Void)
  }
  let kind: Kind

  var rows: Int {
    switch kind {
    case .open(let batch, _, _): batch.count
    case .change: 1
    case .apply(let batch, let following, _, _, _):
      following == nil ? batch.count : batch.count + 1
    case .rehearseOpening(let batch, _): batch.count
    case .rehearse(let batch, _, _): batch.count
    }
  }

  func fail(_ error: any Error) {
    switch kind {
    case .open(_, _, let answer): answer(.failure(error))
    case .change(_, _, _, let answer): answer(.failure(error))
    case .apply(_, _, _, _, let answer): answer(.failure(error))
    case .rehearseOpening(_, let answer): answer(.failure(error))
    case .rehearse(_, _, let answer): answer(.failure(error))
    }
  }
}
