import Audit
import Authority
import Chassis
import Customers
import Gateway
import Identity
import Ledger
import Payments
import Sidecar

/// Every service of this build.
let services: [any Service.Type] = [
  AuditService.self, AuthorityService.self, CustomersService.self, GatewayService.self,
  IdentityService.self, LedgerService.self, PaymentsService.self,
]

await ServiceMain.run(services, sidecar: SidecarService.self)
