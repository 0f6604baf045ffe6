import Charters
import Chassis
import PolicyBundles
import PolicyEngine
import Vocabulary

/// The gate's questions about the operator's own entries: whoever is suspended, frozen, contained or closed in the lists that
/// are about to be signed must be refused by the policies that are signed with them.
extension AccessGate {
  /// Entries of one list about which every operation is asked; with more, each is asked about one operation by lot.
  static let entriesAskedWholeMax = 50

  func entryFaults(
    _ draft: PolicyDraft, _ rules: AccessRules, _ drawn: Questions
  ) -> [String] {
    let desks = charters.charters.map { Desk($0, in: charters) }
    return suspended(draft, rules, desks, drawn) + frozen(draft, rules, desks, drawn)
      + draft.entries("contained").compactMap { ServiceName($0) }.flatMap {
        faults(ofContained: $0, rules)
      } + closed(draft, rules, desks, drawn)
  }

  /// One service with who may ask it for what.
  private struct Desk {
    let service: ServiceName
    let questions: AccessQuestions
    let asked: [(operation: CharterOperation, callers: [ServiceName])]

    init(_ charter: Charter, in charters: CharterSet) {
      service = charter.service
      questions = AccessQuestions(charter, in: charters)
      asked = (charter.operations + CharterOperation.allImplied).map { operation in
        let callers = charters.charters.map(\.service).filter {
          charters.mayCall(caller: $0, service: charter.service, operation: operation.id)
        }
        return (operation, callers)
      }
    }
  }

  /// One question, with a token where the operation wants one.
  private func isRefused(
    _ desk: Desk, _ operation: CharterOperation, _ caller: ServiceName, _ drawn: Questions,
    isPerson: Bool, _ rules: AccessRules
  ) -> Bool {
    let resource = operation.path.parameters.map { ($0, drawn.subject) }
    guard
      let question = desk.questions.question(
        by: caller, for: operation.id, resource: Dictionary(uniqueKeysWithValues: resource),
        token: token(
          for: operation, claims(of: operation, at: desk.service), drawn, isPerson: isPerson,
          purpose: nil, scopes: nil)),
      case .refused = rules.verdict(on: question, at: now)
    else { return false }
    return true
  }

  private func suspended(
    _ draft: PolicyDraft, _ rules: AccessRules, _ desks: [Desk], _ drawn: Questions
  ) -> [String] {
    let entries = draft.entries("suspended")
    let all = desks.flatMap { desk in
      desk.asked.filter { $0.operation.purpose != nil }.flatMap { asked in
        asked.callers.map { (desk, asked.operation, $0) }
      }
    }
    guard !all.isEmpty else { return [] }
    return entries.flatMap { entry -> [String] in
      var about = drawn
      about.subject = entry
      let questions =
        entries.count <= Self.entriesAskedWholeMax
        ? all : [all[Int(randomness.next() % UInt64(all.count))]]
      return questions.flatMap { desk, operation, caller in
        [true, false].compactMap { isPerson in
          isRefused(desk, operation, caller, about, isPerson: isPerson, rules)
            ? nil
            : "they allow \(desk.service)/\(operation.id) to \(entry), which access.suspended lists"
        }
      }
    }
  }

  private func frozen(
    _ draft: PolicyDraft, _ rules: AccessRules, _ desks: [Desk], _ drawn: Questions
  ) -> [String] {
    draft.entries("frozen").flatMap { entry in
      desks.flatMap { desk in
        // Who passes the token on leaves it to the service that decides about the money, see Policies/access/subject.rego.
        desk.asked.filter {
          !AccessQuestions.isPassedOn($0.operation, of: desk.service, in: charters)
        }.flatMap { operation, callers in
          claims(of: operation, at: desk.service).intersection(["debtor", "creditor"]).sorted()
            .flatMap { end in
              var about = drawn
              about.named = [end: entry]
              return callers.compactMap { caller in
                isRefused(desk, operation, caller, about, isPerson: true, rules)
                  ? nil
                  : "they allow \(desk.service)/\(operation.id) with \(entry) as \(end), which access.frozen lists"
              }
            }
        }
      }
    }
  }

  private func closed(
    _ draft: PolicyDraft, _ rules: AccessRules, _ desks: [Desk], _ drawn: Questions
  ) -> [String] {
    draft.entries("closed").flatMap { entry in
      desks.flatMap { desk in
        desk.asked.filter { "\(desk.service)/\($0.operation.id)" == entry }.flatMap { asked in
          asked.callers.compactMap { caller in
            isRefused(desk, asked.operation, caller, drawn, isPerson: true, rules)
              ? nil : "they allow \(caller) to call \(entry), which access.closed lists"
          }
        }
      }
    }
  }
}

extension PolicyDraft {
  /// The names in a list of `data.access`.
  func entries(_ list: String) -> [String] {
    guard case .object(let data) = data, case .object(let access)? = data["access"],
      case .object(let entries)? = access[.string(list)]
    else { return [] }
    return entries.members.compactMap { member in
      if case .string(let key) = member.key { key } else { nil }
    }
  }
}
