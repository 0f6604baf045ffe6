import Chassis
import Gateway

await ServiceMain.run(GatewayService.self)
