import Chassis
import Customers

await ServiceMain.run(CustomersService.self)
