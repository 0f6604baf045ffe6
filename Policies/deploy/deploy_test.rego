package strongroom.deploy_test

import data.strongroom.deploy

bureau := {"host": "bureau.example", "port": 443, "protocol": "https", "reason": "credit files"}

charter := {
	"service": "loans",
	"port": 7150,
	"operations": [
		{
			"id": "createLoan", "method": "POST", "path": "/v1/loans", "callers": ["gateway"],
			"public": true, "scopes": ["loans:create"], "body_bytes_max": 4096,
		},
		{
			"id": "getLoan", "method": "GET", "path": "/v1/loans/{id}", "callers": ["gateway"],
			"public": true, "scopes": ["loans:read"],
		},
		{"id": "closeLoan", "method": "POST", "path": "/v1/close", "callers": ["operator"]},
	],
	"egress": [bureau],
	"data": [
		{"class": "credit-file", "sensitivity": "confidential"},
		{"class": "outbox", "sensitivity": "confidential"},
		{"class": "tariff", "sensitivity": "internal"},
	],
	"secrets": ["sealing-keyring"],
	"limits": {"memory_mib": 128, "open_files": 1024, "connections": 512},
}

contract := {"paths": {
	"/v1/loans": {"post": {
		"operationId": "createLoan",
		"requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}},
		"responses": {"201": {}},
	}},
	"/v1/loans/{id}": {"get": {"operationId": "getLoan", "responses": {"200": {}}}},
}}

organisation := {
	"egress": {"bureau.example:443": ["loans"]},
	"keyrings": ["sealing-keyring"],
	"unsealed_classes": {"outbox": "holds nothing personal"},
	"personal_keepers": {"customer-profile": "customers"},
	"open_routes": {"loans": ["getTariff"]},
	"limits_max": {"memory_mib": 512, "open_files": 2048, "connections": 1024},
	"public_body_bytes_max": 65536,
	"privileged_folders": ["/etc", "/proc"],
	"privileged_programs": ["/bin/sh"],
}

# The rules that object to the charter after a JSON patch.
objections(patch) := {finding.rule | some finding in found} if {
	found := deploy.deny with input as {
		"stage": "check", "contract": contract,
		"charter": json.patch(charter, patch),
	}
		with data.organisation as organisation
}

replaced(path, value) := objections([{"op": "replace", "path": path, "value": value}])

added(path, value) := objections([{"op": "add", "path": path, "value": value}])

removed(path) := objections([{"op": "remove", "path": path}])

test_a_charter_that_keeps_the_rules_is_allowed if {
	objections([]) == set()
	deploy.allow with input as {"stage": "check", "charter": charter, "contract": contract}
		with data.organisation as organisation
}

test_what_is_no_charter_is_refused if {
	found := deploy.deny with input as {"stage": "check"} with data.organisation as organisation
	{finding.rule | some finding in found} == {"no-charter"}
	not deploy.allow with input as {"stage": "check"} with data.organisation as organisation
	not deploy.allow with input as {"stage": "check", "charter": json.remove(charter, ["limits"])}
		with data.organisation as organisation
}

test_a_finding_says_which_rule_and_where if {
	found := deploy.deny with input as {
		"stage": "check", "contract": contract,
		"charter": json.patch(charter, [{"op": "replace", "path": "/secrets", "value": []}]),
	}
		with data.organisation as organisation
	found == {{
		"rule": "unsealed-storage", "near": "credit-file",
		"message": "loans keeps credit-file (confidential) and has no keyring to seal it with",
	}}
}

test_confidential_data_is_sealed if {
	removed("/secrets") == {"unsealed-storage"}
	replaced("/secrets", ["other-key"]) == {"unsealed-storage"}
	replaced("/data", [{"class": "outbox", "sensitivity": "confidential"}]) == set()
	objections([
		{"op": "replace", "path": "/data", "value": [{"sensitivity": "confidential"}]},
		{"op": "remove", "path": "/secrets"},
	]) == {"unsealed-storage"}
}

test_personal_data_is_sealed_and_has_one_keeper if {
	kept := [{"class": "customer-profile", "sensitivity": "personal"}]
	replaced("/data", kept) == {"personal-data"}
	objections([
		{"op": "replace", "path": "/data", "value": kept}, {"op": "remove", "path": "/secrets"},
	]) == {"personal-data", "unsealed-storage"}
	objections([
		{"op": "replace", "path": "/data", "value": kept},
		{"op": "replace", "path": "/service", "value": "customers"},
		{"op": "replace", "path": "/egress", "value": []},
	]) == set()
	replaced("/data", [{"class": "new", "sensitivity": "personal"}]) == {"personal-data"}
	replaced("/data", [{"sensitivity": "personal"}]) == {"personal-data"}
}

test_egress_is_on_the_list if {
	added("/egress/-", object.union(bureau, {"host": "evil.example"})) == {"unlisted-egress"}
	replaced("/egress", [object.union(bureau, {"port": 80})]) == {"unlisted-egress"}
	# Listed, but for another service.
	objections([{"op": "replace", "path": "/service", "value": "lending"}]) == {"unlisted-egress"}
}

test_a_public_route_has_a_scope if {
	removed("/operations/0/scopes") == {"route-without-scope"}
	replaced("/operations/0/scopes", []) == {"route-without-scope"}
}

test_a_public_route_asks_who_it_is if {
	added("/operations/0/authentication", "none") == {"route-without-sign-in"}
	added("/operations/0/authentication", "anything") == {"route-without-sign-in"}
	added("/operations/0/authentication", "token") == set()
	listed := {
		"id": "getTariff", "method": "GET", "path": "/v1/tariff", "callers": ["gateway"],
		"public": true, "authentication": "none",
	}
	added("/operations/-", listed) == {"route-without-schema"}
}

test_a_public_route_is_described if {
	replaced("/operations/0/id", "makeLoan") == {"route-without-schema"}
	replaced("/operations/0/path", "/v2/loans") == {"route-without-schema"}
	replaced("/operations/1/method", "PUT") == {"route-without-schema"}
	found := deploy.deny with input as {"stage": "check", "charter": charter}
		with data.organisation as organisation
	{finding.rule | some finding in found} == {"route-without-schema"}
}

test_a_body_has_a_schema if {
	bare := json.remove(contract, ["paths/~1v1~1loans/post/requestBody"])
	found := deploy.deny with input as {"stage": "check", "charter": charter, "contract": bare}
		with data.organisation as organisation
	{finding.message | some finding in found} == {"loans.createLoan is public and takes a body that its OpenAPI document gives no schema"}
}

test_a_public_body_is_small if {
	replaced("/operations/0/body_bytes_max", 65536) == set()
	replaced("/operations/0/body_bytes_max", 65537) == {"large-body"}
}

test_nothing_privileged_runs if {
	program := {"command": ["/usr/bin/python3", "service.py"], "read": ["/opt/venv", "/etcetera"]}
	added("/program", program) == set()
	every folder in ["/etc", "/etc/", "/etc/ssl", "/", "/proc/1", "/opt/../etc"] {
		added("/program", {"command": ["/usr/bin/python3"], "read": [folder]}) == {"privileged-folder"}
	}
	added("/program", {"command": ["/bin/sh", "-c", "true"]}) == {"privileged-program"}
	replaced("/port", 443) == {"privileged-port"}
}

test_everything_has_limits if {
	removed("/limits") == {"missing-limit"}
	every name in ["memory_mib", "open_files", "connections"] {
		removed(concat("/", ["", "limits", name])) == {"missing-limit"}
		replaced(concat("/", ["", "limits", name]), "many") == {"limit-too-high", "missing-limit"}
		replaced(concat("/", ["", "limits", name]), 1000000) == {"limit-too-high"}
	}
	objections([
		{"op": "replace", "path": "/service", "value": "operator"},
		{"op": "remove", "path": "/limits"}, {"op": "replace", "path": "/egress", "value": []},
	]) == set()
}

deploying(artifacts, built) := {finding.rule | some finding in found} if {
	found := deploy.deny with input as {
		"stage": "deploy", "charter": charter, "contract": contract, "artifacts": artifacts,
		"built": built,
	}
		with data.organisation as organisation
}

test_what_runs_is_what_was_built if {
	right := {"name": "strongroom-loans", "digest": "sha256:0a"}
	deploying([right], {"strongroom-loans": "sha256:0a"}) == set()
	deploying([right], {"strongroom-loans": "sha256:0b"}) == {"not-the-built-one"}
	deploying([right], {}) == {"not-the-built-one"}
	deploying([{"name": "strongroom-loans", "digest": "0a"}], {"strongroom-loans": "0a"}) == {"not-the-built-one"}
	deploying([], {}) == {"not-the-built-one"}
}
