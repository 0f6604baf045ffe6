import Demo
import Launcher
import LedgerAPI
import Transport
import Vocabulary

/// M1, M2: money moves once, only from whose it is, and never more than there is.
package enum MoneyDrill {
  package static let drill = Drill(
    name: "money",
    promise:
      "M1 M2: a payment is made once however often it is sent, only by its owner, and never with money that is not there.",
    attacks: [
      pressedOften, otherBody, foreignKey, parallelSpends, oneTooMuch, foreignAccount,
      nothingForFree,
      books,
    ])

  private static let presses = 50
  private static let spends = 200

  /// Answers of many requests at once, each on a connection of its own.
  private static func flood(
    _ range: DrillRange, _ count: Int,
    _ send: @escaping @Sendable (Int) async throws -> DrillRange.Answer
  ) async -> [DrillRange.Answer] {
    await withTaskGroup(of: DrillRange.Answer?.self) { group in
      for number in 0..<count {
        group.addTask {
          // Behind the limits stands the promise that is tried here: whoever is throttled comes back, and whoever gets no
          // answer in time asks again under the same key.
          for _ in 0..<60 {
            let answer = try? await send(number)
            if let answer, answer.status != 429, answer.status != 503 { return answer }
            try? await Task.sleep(for: .milliseconds(250))
          }
          return nil
        }
      }
      return await group.reduce(into: []) { if let answer = $1 { $0.append(answer) } }
    }
  }

  private static let pressedOften = Attack(
    "fifty-presses", steps: "send one payment fifty times in parallel with one key",
    expectation: "one payment, fifty times the same answer"
  ) { range in
    let token = try await range.tokens(of: 0).accessToken
    let before = try await range.balance(of: 0, token: token)
    let key = range.newKey()
    let answers = await flood(range, presses) { _ in
      try await range.pay(17, from: 0, to: 1, key: key, token: token)
    }
    let spent = before - (try await range.balance(of: 0, token: token))
    let bodies = Set(answers.map(\.body)).count
    return .when(
      spent == 17 && bodies == 1 && answers.count == presses
        && answers.allSatisfy { $0.status == 201 },
      "\(answers.count) answers, \(bodies) different, \(spent) of 17 minor units spent",
      recordedAs: answers.first?.correlation)
  }

  private static let otherBody = Attack(
    "same-key-other-amount", steps: "send another amount under a key that was used",
    expectation: "409, and nothing moves"
  ) { range in
    let token = try await range.tokens(of: 0).accessToken
    let key = range.newKey()
    _ = try await range.pay(5, from: 0, to: 1, key: key, token: token)
    let before = try await range.balance(of: 0, token: token)
    let answer = try await range.pay(6, from: 0, to: 1, key: key, token: token)
    let after = try await range.balance(of: 0, token: token)
    return .when(
      answer.status == 409 && before == after, "\(answer.text), \(before - after) spent",
      recordedAs: answer.correlation)
  }

  private static let foreignKey = Attack(
    "somebody-elses-key", steps: "send under a key that another person has used",
    expectation: "a payment of one's own, not the other's answer"
  ) { range in
    let (first, second) = (
      try await range.tokens(of: 0).accessToken, try await range.tokens(of: 3).accessToken
    )
    let key = range.newKey()
    let theirs = try await range.pay(3, from: 0, to: 1, key: key, token: first)
    let own = try await range.pay(3, from: 3, to: 1, key: key, token: second)
    return .when(
      own.status == 201 && own.body != theirs.body
        && own.headers[Header.idempotentReplayed] == nil, "\(theirs.text), then \(own.text)",
      recordedAs: own.correlation)
  }

  private static let parallelSpends = Attack(
    "two-hundred-spends",
    steps: "spend one balance two hundred times at once, where it is enough for a hundred",
    expectation: "never below zero, and the books say the same as the answers"
  ) { range in
    let token = try await range.tokens(of: 3).accessToken
    let before = try await range.balance(of: 3, token: token)
    let share = before / 100
    guard share > 0 else { return .notTried("the account is too poor: \(before)") }
    let key = range.newKey()
    let answers = await flood(range, spends) { number in
      try await range.pay(share, from: 3, to: 1, key: "\(key)-\(number)", token: token)
    }
    let paid = Int64(answers.count { $0.status == 201 })
    let after = try await range.balance(of: 3, token: token)
    return .when(
      after >= 0 && after == before - paid * share && paid <= before / share
        && answers.count == spends,
      "\(paid) paid, \(answers.count - Int(paid)) refused, \(after) left of \(before)",
      recordedAs: answers.first { $0.status != 201 }?.correlation)
  }

  private static let oneTooMuch = Attack(
    "one-too-much", steps: "spend the whole balance and one minor unit", expectation: "409"
  ) { range in
    let token = try await range.tokens(of: 0).accessToken
    let before = try await range.balance(of: 0, token: token)
    let answer = try await range.pay(
      before + 1, from: 0, to: 1, key: range.newKey(), token: token)
    let after = try await range.balance(of: 0, token: token)
    return .when(
      answer.status == 409 && after == before, "\(answer.text), \(before - after) spent",
      recordedAs: answer.correlation)
  }

  private static let foreignAccount = Attack(
    "foreign-account", steps: "pay oneself from another person's account, and from the bank's own",
    expectation: "refused as if the account did not exist"
  ) { range in
    let token = try await range.tokens(of: 0).accessToken
    var seen: [String] = []
    var last: CorrelationID?
    for account in [range.bank.residents[1].account, range.bank.house] {
      let answer = try await range.pay(
        1, from: 0, to: 0, key: range.newKey(), token: token, debtor: account)
      seen.append(answer.text)
      last = answer.correlation
      if answer.status < 400 { return .breach("paid from \(account): \(answer.text)") }
    }
    return .held(seen.joined(separator: ", "), recordedAs: last)
  }

  private static let nothingForFree = Attack(
    "odd-amounts",
    steps: "pay nothing, less than nothing, more than there is money in the world, and fractions",
    expectation: "each a named refusal, and nothing moves"
  ) { range in
    let token = try await range.tokens(of: 0).accessToken
    let before = try await range.balance(of: 0, token: token)
    let (debtor, creditor) = (range.bank.residents[0].account, range.bank.residents[1].account)
    let amounts = [
      "0", "-1", "9007199254740992", "-9223372036854775808", "1e400", "1.5", "\"1\"", "NaN", "null",
      "18446744073709551617",
    ]
    var wrong: [String] = []
    for amount in amounts {
      let body =
        #"{"amount":{"minor_units":\#(amount),"currency":"EUR"},"debtor":"\#(debtor)","#
        + #""creditor":"\#(creditor)"}"#
      let answer = try await range.ask(
        "POST", "/v1/payments", token: token, headers: [(Header.idempotencyKey, range.newKey())],
        body: Array(body.utf8))
      if !(400..<500).contains(answer.status) { wrong.append("\(amount): \(answer.text)") }
    }
    let after = try await range.balance(of: 0, token: token)
    return .when(
      wrong.isEmpty && before == after,
      wrong.isEmpty ? "\(amounts.count) of \(amounts.count) refused" : wrong.joined(separator: ", ")
    )
  }

  private static let books = Attack(
    "books", steps: "after all that, add up every account of the ledger",
    expectation: "debits equal credits in every currency"
  ) { range in
    let trial = try await range.desk.call(LedgerOperations.getTrialBalance, Nothing())
    return .when(trial.balanced, trial.balanced ? "balanced" : "out of balance")
  }
}
