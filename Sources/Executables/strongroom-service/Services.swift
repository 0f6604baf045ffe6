// Written as a whole by 'strongroom charter new', from the folders in Sources/Services; a test compares the two.
import Audit
import Authority
import Chassis
import Customers
import Egress
import Gateway
import Identity
import Ledger
import Payments

/// Every service of this build.
let services: [any Service.Type] = [
  AuditService.self,
  AuthorityService.self,
  CustomersService.self,
  EgressService.self,
  GatewayService.self,
  IdentityService.self,
  LedgerService.self,
  PaymentsService.self,
]
