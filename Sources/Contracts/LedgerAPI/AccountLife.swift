package import Vocabulary

/// How an account stands.
package enum AccountState: String, Codable, CaseIterable, Hashable, Sendable {
  case open
  /// Neither pays nor receives until it is thawed.
  case frozen
  case closed
}

/// What can be done to an account after it was opened.
package enum AccountAction: String, Codable, CaseIterable, Hashable, Sendable {
  case freeze, thaw
  /// For good, and only when it is empty.
  case close
}

/// The body of `changeAccount` and `changeManagedAccount`.
package struct AccountChangeOrder: Codable, Hashable, Sendable {
  package let account: AccountID
  package let change: AccountAction
  package init(account: AccountID, change: AccountAction) {
    self.account = account
    self.change = change
  }
}

/// The answer of `changeAccount`, `changeManagedAccount` and `openManagedAccount`.
package struct AccountAnswer: Codable, Hashable, Sendable {
  /// False where it was so already.
  package let changed: Bool
  package let account: LedgerAccount
  package init(changed: Bool, account: LedgerAccount) {
    self.changed = changed
    self.account = account
  }
}
