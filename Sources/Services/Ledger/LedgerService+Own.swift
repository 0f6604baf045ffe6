import Chassis
import LedgerAPI
import LedgerBook
import LedgerStorage
import Vocabulary

// What another service may learn: of a person's accounts, what that person's transaction token opens; of holds, those
// that it made itself. Whose account it is comes from the token alone, so a service that was taken over reads nothing of
// people who are not asking for something just then.

extension LedgerService {
  @Sendable func listOwnAccounts(_ call: Call) async throws -> Answer {
    try await accounts(of: call.holder(), call)
  }

  @Sendable func getOwnAccount(_ call: Call) async throws -> Answer {
    try .json(200, LedgerAccount(try await ownAccount(in: call)))
  }

  @Sendable func listOwnTransfers(_ call: Call) async throws -> Answer {
    try await transfers(of: try await ownAccount(in: call), call)
  }

  /// A hold of another's is told as not found, as one that never was.
  @Sendable func getHold(_ call: Call) async throws -> Answer {
    let id: TransferID = try call.id("id")
    let caller = try await makers.number(of: call.caller)
    guard let stored = try await keeper.transfer(id), stored.transfer.flags.contains(.pending),
      stored.transfer.maker == caller
    else { throw Problem.notFound }
    return try .json(200, try LedgerTransfer(stored))
  }

  /// An account of the token's subject. Another's is told as not found.
  private func ownAccount(in call: Call) async throws -> Account {
    let id: AccountID = try call.id("id")
    let person = try call.holder()
    guard let account = try await keeper.accounts([id]).first, account.owner == person else {
      throw Problem.notFound
    }
    return account
  }
}
