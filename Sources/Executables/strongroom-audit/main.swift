import Audit
import Chassis

await ServiceMain.run(AuditService.self)
