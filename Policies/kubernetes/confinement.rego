# No container has more of its node than it needs.
package strongroom.kubernetes

deny contains finding("privileged", container.name, message) if {
	some container in containers
	container.securityContext.privileged == true
	message := sprintf("%s: %s is privileged", [name, container.name])
}

deny contains finding("privilege-escalation", container.name, message) if {
	some container in containers
	object.get(container, ["securityContext", "allowPrivilegeEscalation"], true) != false
	message := sprintf("%s: %s may gain privileges", [name, container.name])
}

deny contains finding("root", container.name, message) if {
	some container in containers
	not runs_as_user(container)
	message := sprintf("%s: %s may run as root", [name, container.name])
}

deny contains finding("capabilities", container.name, message) if {
	some container in containers
	not drops_capabilities(container)
	message := sprintf("%s: %s keeps capabilities", [name, container.name])
}

deny contains finding("capabilities", container.name, message) if {
	some container in containers
	some capability in container.securityContext.capabilities.add
	message := sprintf("%s: %s adds the capability %s", [name, container.name, capability])
}

deny contains finding("writable-root", container.name, message) if {
	some container in containers
	object.get(container, ["securityContext", "readOnlyRootFilesystem"], false) != true
	message := sprintf("%s: %s may write to its own image", [name, container.name])
}

deny contains finding("host-namespace", field, message) if {
	some field in ["hostIPC", "hostNetwork", "hostPID"]
	pod[field] == true
	message := sprintf("%s shares %s with its node", [name, field])
}

deny contains finding("host-path", volume.name, message) if {
	some volume in pod.volumes
	volume.hostPath
	message := sprintf("%s mounts %s of its node", [name, volume.hostPath.path])
}

deny contains finding("host-port", container.name, message) if {
	some container in containers
	some port in container.ports
	port.hostPort
	message := sprintf("%s: %s takes port %d of its node", [name, container.name, port.hostPort])
}

# What a container does not say, its pod may say; a container that contradicts its pod wins.
runs_as_user(container) if {
	said := object.get(pod, ["securityContext", "runAsNonRoot"], false)
	object.get(container, ["securityContext", "runAsNonRoot"], said) == true
	user := object.get(pod, ["securityContext", "runAsUser"], 1)
	object.get(container, ["securityContext", "runAsUser"], user) != 0
}

drops_capabilities(container) if "ALL" in container.securityContext.capabilities.drop
