# What may be applied to a cluster: one manifest as input, the organisation's lists in
# data.organisation.kubernetes. A kind that nobody knows is refused.
package strongroom.kubernetes

default allow := false

# Nothing is applied that somebody objects to, and nothing that is no manifest.
allow if {
	input.kind
	count(deny) == 0
}

deny contains finding("no-manifest", "", "there is no manifest to judge") if not input.kind

deny contains finding("unknown-kind", "kind:", message) if {
	input.kind
	not is_known
	message := sprintf("%s is a kind that no policy knows", [input.kind])
}

finding(rule, near, message) := {"rule": rule, "near": near, "message": message}

lists := data.organisation.kubernetes

name := sprintf("%s %s", [input.kind, object.get(input, ["metadata", "name"], "without a name")])

is_known if pod

is_known if input.kind in lists.kinds

is_known if input.kind in {"Ingress", "NetworkPolicy", "PersistentVolumeClaim"}

pod := input.spec if input.kind == "Pod"

pod := input.spec.template.spec if {
	input.kind in {"DaemonSet", "Deployment", "Job", "ReplicaSet", "StatefulSet"}
}

pod := input.spec.jobTemplate.spec.template.spec if input.kind == "CronJob"

containers contains container if {
	some field in ["containers", "ephemeralContainers", "initContainers"]
	some container in pod[field]
}
