import Chassis
import Payments

await ServiceMain.run(PaymentsService.self)
