import Chassis
import Identity

await ServiceMain.run(IdentityService.self)
