import Chassis
import Sidecar

await ServiceMain.run(services, sidecar: SidecarService.self)
