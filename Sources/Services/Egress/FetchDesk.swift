package import Charters
package import EgressAPI
import HTTPLine
package import NIOCore
import NIOHTTP1
import OutsideReach
import Synchronization
import Tokens
package import Vocabulary

/// Carries out calls to the outside: judges, looks the name up once, judges the addresses, dials one of them, and puts each call on
/// record before its answer leaves. A class: all calls share what each caller may still ask.
package final class FetchDesk: Sendable {
  private let charters: CharterSet
  private let lookup: NameLookup
  private let group: any EventLoopGroup
  private let dialler: OutsideDialler
  private let clock: Clock
  private let timeMax: Duration
  private let goesAnywhere: Bool
  private let shares: Mutex<CallerShares>
  private let record: @Sendable (Account) async throws -> Void

  /// What is put on record of a call.
  package struct Account: Sendable {
    package let caller: ServiceName
    package let correlation: CorrelationID
    /// `host:port`; nil for a text that is no URL. Neither path nor query: they may hold what is nobody's business.
    package var place: String?
    package var address: String?
    package var status: Int?
    package var bytesSent = 0
    package var bytesTaken = 0
    package var milliseconds: Int64 = 0
    /// A problem's slug; nil for an answer.
    package var refusal: String?
  }

  package init(
    _ charters: CharterSet, lookup: NameLookup, group: any EventLoopGroup, dialler: OutsideDialler,
    clock: Clock, timeMax: Duration, shares: CallerShares, goesAnywhere: Bool = false,
    record: @escaping @Sendable (Account) async throws -> Void
  ) {
    self.charters = charters
    self.lookup = lookup
    self.group = group
    self.dialler = dialler
    self.clock = clock
    self.timeMax = timeMax
    self.goesAnywhere = goesAnywhere
    self.shares = Mutex(shares)
    self.record = record
  }

  /// - Throws: `FetchRefusal` where nothing was sent, `FetchFailure` where no answer came, or what keeping the record throws.
  package func fetch(
    _ request: FetchRequest, for caller: ServiceName, correlation: CorrelationID,
    by deadline: Deadline
  ) async throws -> FetchAnswer {
    let start = clock.now()
    var account = Account(caller: caller, correlation: correlation)
    let outcome: Result<FetchAnswer, any Error>
    do {
      let end = min(deadline.instant, start + timeMax)
      outcome = .success(try await carryOut(request, by: end, &account))
    } catch let refusal as any Refusal {
      account.refusal = refusal.problem.slug
      outcome = .failure(refusal)
    }
    account.milliseconds = (clock.now() - start).milliseconds
    try await record(account)
    return try outcome.get()
  }

  private func carryOut(
    _ request: FetchRequest, by end: Instant, _ account: inout Account
  ) async throws -> FetchAnswer {
    let caller = account.caller
    account.place = (try? OutsideURL(request.url)).map { "\($0.host.authority):\($0.port)" }
    let order = try FetchOrder(request, of: charters[caller], goesAnywhere: goesAnywhere)
    let now = clock.now()
    try shares.withLock { try $0.enter(caller, at: now) }
    defer { shares.withLock { $0.leave(caller) } }
    let addresses = try await addresses(for: order, by: end)
    account.bytesSent = order.body.count
    for (place, address) in addresses.enumerated() {
      account.address = address.description
      do {
        let answer = try await dialler.ask(
          order, at: address, isNamed: !order.destination.addresses.isEmpty,
          within: end - clock.now())
        account.status = answer.status
        account.bytesTaken = answer.body.readableBytes
        return FetchAnswer(answer, from: address)
      } catch LineFailure.unreachable where place + 1 < addresses.count && clock.now() < end {
        // Nothing was sent: the next address may do.
        continue
      } catch {
        throw Self.refusal(for: error)
      }
    }
    throw FetchRefusal.noAddress
  }

  private func addresses(for order: FetchOrder, by end: Instant) async throws -> [IPAddress] {
    let fixed = order.destination.fixedAddresses
    guard fixed.isEmpty, case .name(let name) = order.url.host else { return fixed }
    let found = try await lookup.addresses(
      of: name, within: end - clock.now(), on: group.next())
    guard !goesAnywhere else { return found }
    do throws(Dialling.Refusal) {
      return try Dialling.addresses(among: found)
    } catch {
      switch error {
      case .noAddress: throw FetchRefusal.noAddress
      case .special(let address, let special): throw FetchRefusal.notPublic(address, special)
      }
    }
  }

  private static func refusal(for error: any Error) -> any Refusal {
    switch error as? LineFailure {
    case .unreachable, .overloaded: FetchRefusal.unreachable
    case .notProven: FetchRefusal.notProven
    case .deadlineExceeded: FetchFailure.late
    case .answerLost: FetchFailure.lost
    case .answerMalformed: FetchFailure.malformed
    case .answerTooLarge: FetchFailure.large
    // The authorities cannot be read: nobody can prove anything.
    case nil: FetchRefusal.notProven
    }
  }
}

extension FetchAnswer {
  fileprivate init(_ answer: LineAnswer, from address: IPAddress) {
    var seen: Set<String> = []
    let fields = answer.headers.compactMap { name, value -> HTTPField? in
      let name = name.lowercased()
      guard EgressOperations.answerFields.contains(name), seen.insert(name).inserted,
        value.utf8.count <= EgressOperations.fieldBytesMax,
        value.utf8.allSatisfy({ (0x20...0x7e).contains($0) })
      else { return nil }
      return HTTPField(name, value)
    }
    self.init(
      status: answer.status, fields: fields, body: Base64URL.encode(answer.body.readableBytesView),
      address: address.description)
  }
}
