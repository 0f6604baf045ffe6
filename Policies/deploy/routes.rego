# What the gateway routes from outside is described, and says who may use it.
package strongroom.deploy

deny contains finding("route-without-scope", operation.id, message) if {
	some operation in public_operations
	authentication(operation) == "token"
	count(object.get(operation, "scopes", [])) == 0
	message := sprintf("%s.%s is public and names no scope", [service, operation.id])
}

deny contains finding("route-without-sign-in", operation.id, message) if {
	some operation in public_operations
	authentication(operation) != "token"
	not is_open(operation)
	message := sprintf(
		"%s.%s answers anybody, and is not on the organisation's list of open routes",
		[service, operation.id],
	)
}

deny contains finding("route-without-schema", operation.id, message) if {
	some operation in public_operations
	not is_described(operation)
	message := sprintf("%s.%s is public, and its OpenAPI document does not describe it", [service, operation.id])
}

deny contains finding("route-without-schema", operation.id, message) if {
	some operation in public_operations
	is_described(operation)
	takes_body(operation)
	not describes_body(operation)
	message := sprintf(
		"%s.%s is public and takes a body that its OpenAPI document gives no schema",
		[service, operation.id],
	)
}

deny contains finding("large-body", operation.id, message) if {
	some operation in public_operations
	operation.body_bytes_max > data.organisation.public_body_bytes_max
	message := sprintf("%s.%s is public and takes bodies of %d bytes", [service, operation.id, operation.body_bytes_max])
}

authentication(operation) := object.get(operation, "authentication", "token")

is_open(operation) if operation.id in data.organisation.open_routes[service]

takes_body(operation) if {
	operation.method in {"PATCH", "POST", "PUT"}
	object.get(operation, "body_bytes_max", 65536) > 0
}

is_described(operation) if description(operation).responses

describes_body(operation) if {
	some content in description(operation).requestBody.content
	content.schema
}

# Of the operation with this id, method and path.
description(operation) := described if {
	described := input.contract.paths[operation.path][lower(operation.method)]
	described.operationId == operation.id
}
