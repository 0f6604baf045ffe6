package strongroom.kubernetes_test

import data.strongroom.kubernetes

container := {
	"name": "ledger",
	"image": "registry.example/ledger@sha256:0a",
	"resources": {"limits": {"cpu": "1", "memory": "512Mi"}},
	"ports": [{"containerPort": 7104}],
	"securityContext": {
		"allowPrivilegeEscalation": false,
		"capabilities": {"drop": ["ALL"]},
		"readOnlyRootFilesystem": true,
		"runAsNonRoot": true,
	},
}

deployment := {
	"kind": "Deployment",
	"metadata": {"name": "ledger"},
	"spec": {"template": {"spec": {"containers": [container], "volumes": [{"name": "tmp", "emptyDir": {}}]}}},
}

lists := {
	"built_images": {"registry.example/ledger": "sha256:0a"},
	"egress_blocks": ["10.0.0.0/8"],
	"encrypted_storage_classes": ["encrypted"],
	"kinds": ["Service"],
}

rules(manifest) := {finding.rule | some finding in found} if {
	found := kubernetes.deny with input as manifest with data.organisation.kubernetes as lists
}

patched(path, value) := rules(json.patch(deployment, [{"op": "add", "path": path, "value": value}]))

in_container(path, value) := patched(concat("", ["/spec/template/spec/containers/0", path]), value)

test_a_confined_workload_is_allowed if {
	rules(deployment) == set()
	kubernetes.allow with input as deployment with data.organisation.kubernetes as lists
	pod := deployment.spec.template.spec
	rules({"kind": "Pod", "spec": pod}) == set()
	rules({"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": {"spec": pod}}}}}) == set()
	rules({"kind": "Service", "metadata": {"name": "ledger"}}) == set()
}

test_what_nobody_knows_is_refused if {
	rules({}) == {"no-manifest"}
	rules({"kind": "ClusterRoleBinding"}) == {"unknown-kind"}
	not kubernetes.allow with input as {} with data.organisation.kubernetes as lists
}

test_every_sort_of_container_counts if {
	bad := object.union(container, {"securityContext": {"privileged": true}})
	every field in ["ephemeralContainers", "initContainers"] {
		"privileged" in patched(concat("/", ["/spec/template/spec", field]), [bad])
	}
	in_container("/securityContext/privileged", true) == {"privileged"}
}

test_nobody_gains_privileges if {
	in_container("/securityContext/allowPrivilegeEscalation", true) == {"privilege-escalation"}
	in_container("/securityContext", {}) == {"capabilities", "privilege-escalation", "root", "writable-root"}
	in_container("/securityContext/runAsUser", 0) == {"root"}
	in_container("/securityContext/runAsNonRoot", false) == {"root"}
	patched("/spec/template/spec/securityContext", {"runAsUser": 0}) == {"root"}
	in_container("/securityContext/capabilities", {"drop": ["NET_RAW"]}) == {"capabilities"}
	in_container("/securityContext/capabilities/add", ["SYS_ADMIN"]) == {"capabilities"}
	in_container("/securityContext/readOnlyRootFilesystem", false) == {"writable-root"}
}

test_nothing_of_the_node_is_shared if {
	every field in ["hostIPC", "hostNetwork", "hostPID"] {
		patched(concat("/", ["/spec/template/spec", field]), true) == {"host-namespace"}
	}
	patched("/spec/template/spec/volumes/-", {"name": "etc", "hostPath": {"path": "/etc"}}) == {"host-path"}
	in_container("/ports/0/hostPort", 80) == {"host-port"}
}

test_every_container_has_limits if {
	in_container("/resources", {}) == {"missing-limit"}
	in_container("/resources/limits", {"cpu": "1"}) == {"missing-limit"}
}

test_an_image_is_the_built_one if {
	in_container("/image", "registry.example/ledger@sha256:0b") == {"not-the-built-one"}
	in_container("/image", "registry.example/ledger:latest") == {"not-the-built-one"}
	in_container("/image", "elsewhere.example/ledger@sha256:0a") == {"not-the-built-one"}
	rules(json.remove(deployment, ["spec/template/spec/containers/0/image"])) == {"not-the-built-one"}
}

test_storage_is_encrypted if {
	claim := {"kind": "PersistentVolumeClaim", "metadata": {"name": "books"}, "spec": {"storageClassName": "encrypted"}}
	rules(claim) == set()
	rules(json.patch(claim, [{"op": "replace", "path": "/spec/storageClassName", "value": "plain"}])) == {"unencrypted-storage"}
	rules(json.remove(claim, ["spec/storageClassName"])) == {"unencrypted-storage"}
	set := object.union(deployment, {"kind": "StatefulSet"})
	templates := {"op": "add", "path": "/spec/volumeClaimTemplates", "value": [{"spec": {}}]}
	rules(json.patch(set, [templates])) == {"unencrypted-storage"}
}

test_requests_come_in_sealed if {
	rules({"kind": "Ingress", "spec": {"tls": [{"hosts": ["bank.example"]}]}}) == set()
	rules({"kind": "Ingress", "spec": {}}) == {"ingress-without-tls"}
	rules({"kind": "Ingress"}) == {"ingress-without-tls"}
}

egress(rules_) := rules({"kind": "NetworkPolicy", "spec": {"policyTypes": ["Egress"], "egress": rules_}})

test_ways_out_are_on_the_list if {
	egress([]) == set()
	egress([{"to": [{"podSelector": {}}]}]) == set()
	egress([{"to": [{"ipBlock": {"cidr": "10.2.0.0/16"}}]}]) == set()
	egress([{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}]) == {"unlisted-egress"}
	egress([{"ports": [{"port": 443}]}]) == {"unlisted-egress"}
	rules({"kind": "NetworkPolicy", "spec": {"policyTypes": ["Ingress"]}}) == {"unlisted-egress"}
	rules({"kind": "NetworkPolicy"}) == {"unlisted-egress"}
}
