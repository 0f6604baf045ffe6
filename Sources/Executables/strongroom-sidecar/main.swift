import Chassis
import Sidecar

await ServiceMain.run(SidecarService.self, isSidecar: true)
