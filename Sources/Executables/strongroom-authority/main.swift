import Authority
import Chassis

await ServiceMain.run(AuthorityService.self)
