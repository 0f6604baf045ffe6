# What may be deployed: a charter, seen with the organisation's lists in data.organisation.
#
# input.charter    the charter, as JSON
# input.contract   its OpenAPI document, as JSON; left out where there is none
# input.stage      "check" while it is only looked at, "deploy" when it is to run
# input.artifacts  what is to run: [{"name": …, "digest": "sha256:…"}]
# input.built      what the build made, name to digest
package strongroom.deploy

default allow := false

# Nothing is deployed that somebody objects to, and nothing that is no charter.
allow if {
	input.charter.service
	count(deny) == 0
}

deny contains finding("no-charter", "", "there is no charter to judge") if not input.charter.service

# A finding: which rule, in plain words, and a text of the charter near which it stands.
finding(rule, near, message) := {"rule": rule, "near": near, "message": message}

service := input.charter.service

# The person at the machine has a charter, but is no process that could be confined.
is_process if service != "operator"

public_operations contains operation if {
	some operation in input.charter.operations
	operation.public == true
}
