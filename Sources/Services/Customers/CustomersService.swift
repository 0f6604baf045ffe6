package import Chassis
import CustomersAPI
package import Storage
import Transport
package import Vocabulary

/// The customers service: one handler per operation of its charter.
package struct CustomersService: Service {
  package static let name: ServiceName = "customers"
  package static let version = "1.0.0"
  package static let migrations = [
    Migration(
      1, "initial", sql: PackageResources._001_initial_sql,
      postgres: PackageResources._001_initial_postgres_sql)
  ]

  private let register: CustomerRegister

  package init(_ context: ServiceContext) async throws {
    let store = CustomerStore(context.store)
    register = CustomerRegister(
      store: store, sealing: try await context.seals(store.sealedFields), clock: context.clock,
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
      "getClaims": { call in try .json(200, await register.claims(of: call.person())) },
      "getMe": { call in
        var answer = try Answer.json(200, await register.record(of: call.person()))
        // Personal data is in nobody's cache.
        answer.headers.set("cache-control", "no-store")
        return answer
      },
    ]
  }
}
