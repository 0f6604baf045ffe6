import Chassis
import Ledger

await ServiceMain.run(LedgerService.self)
