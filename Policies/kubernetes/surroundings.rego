# What stands around the containers: storage, ways in, ways out.
package strongroom.kubernetes

deny contains finding("unencrypted-storage", "storageClassName", message) if {
	some claim in claims
	not is_encrypted(claim)
	message := sprintf(
		"%s asks for the storage class '%s', which is not encrypted",
		[name, object.get(claim, "storageClassName", "of the cluster")],
	)
}

deny contains finding("ingress-without-tls", "spec:", message) if {
	input.kind == "Ingress"
	count(object.get(input, ["spec", "tls"], [])) == 0
	message := sprintf("%s takes requests in clear", [name])
}

deny contains finding("unlisted-egress", "egress", message) if {
	input.kind == "NetworkPolicy"
	some rule in input.spec.egress
	not rule["to"]
	message := sprintf("%s lets everything out", [name])
}

deny contains finding("unlisted-egress", block, message) if {
	input.kind == "NetworkPolicy"
	block := input.spec.egress[_]["to"][_].ipBlock.cidr
	not is_listed(block)
	message := sprintf("%s lets out to %s: it is not on the organisation's list", [name, block])
}

deny contains finding("unlisted-egress", "policyTypes", message) if {
	input.kind == "NetworkPolicy"
	not "Egress" in object.get(input, ["spec", "policyTypes"], [])
	message := sprintf("%s says nothing of the way out", [name])
}

claims contains input.spec if input.kind == "PersistentVolumeClaim"

claims contains claim if some {"spec": claim} in input.spec.volumeClaimTemplates

is_encrypted(claim) if claim.storageClassName in lists.encrypted_storage_classes

is_listed(block) if {
	some listed in lists.egress_blocks
	net.cidr_contains(listed, block)
}
