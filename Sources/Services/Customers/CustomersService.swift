package import Chassis
import CustomersAPI
package import Storage
import Telemetry
import Transport
package import Vocabulary

/// The customers service: one handler per operation of its charter.
package struct CustomersService: Service {
  package static let name: ServiceName = "customers"
  package static let version = "1.0.0"
  package static let migrations = [
    Migration(1, "initial", sql: PackageResources._001_initial_sql)
  ]

  /// How often it looks for a newer sealing key.
  static let housekeepingInterval: Duration = .seconds(30)

  private let context: ServiceContext
  private let sealing: SealingKeys
  private let register: CustomerRegister

  package init(_ context: ServiceContext) async throws {
    self.context = context
    sealing = SealingKeys(try await context.sealingKeyring())
    register = CustomerRegister(
      store: CustomerStore(context.store), sealing: sealing, clock: context.clock,
      randomness: context.randomness)
  }

  package var operations: [String: Handler] {
    let register = register
    return [
      "createCustomer": { call in
        try .json(
          201,
          await register.create(
            call.decode(NewCustomer.self), caller: call.caller, correlation: call.correlation))
      },
      "getCustomer": { call in try .json(200, await register.name(of: call.id("id"))) },
      "getMe": { call in
        var answer = try Answer.json(200, await register.record(of: call.person()))
        // Personal data is in nobody's cache.
        answer.headers.set("cache-control", "no-store")
        return answer
      },
    ]
  }

  package func run() async throws {
    while !Task.isCancelled {
      do {
        try await keepHouse()
      } catch is CancellationError {
        return
      } catch {
        context.log.warning("housekeeping failed and will be tried again", [:])
      }
      try await Task.sleep(for: Self.housekeepingInterval)
    }
  }

  private func keepHouse() async throws {
    _ = sealing.replace(with: try await context.sealingKeyring())
    // Also without a new key: an earlier pass may have been cut short.
    let count = try await register.resealAll()
    if count > 0 {
      context.log.info("sealed anew under the newest key", ["rows": .count(count)])
    }
  }
}
