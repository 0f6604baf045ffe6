# What a workload may ask of another, whoever it does it for.
package strongroom.access

# What the words of a refusal speak of must be there, or the refusal itself would be lost with them.
refusals contains refusal("incomplete-question", "the question does not say who asks whom for what") if {
	not is_complete
}

is_complete if {
	input.service
	input.caller
	input.operation.name
	is_token_complete
}

is_token_complete if not input.token

is_token_complete if {
	input.token.kind
	input.token.subject
	input.token.client
	input.token.purpose
}

refusals contains refusal("edge-not-declared", why) if {
	not input.operation.callers[input.caller]
	why := sprintf("the charters of %s and %s do not both declare this call", [input.caller, input.service])
}

refusals contains refusal("workload-contained", why) if {
	reason := data.access.contained[input.caller]
	why := sprintf("%s is contained: %s", [input.caller, reason])
}

refusals contains refusal("operation-closed", why) if {
	reason := data.access.closed[input.operation.name]
	why := sprintf("%s is closed: %s", [input.operation.name, reason])
}

refusals contains refusal("token-missing", why) if {
	input.operation.purpose
	not input.token
	why := sprintf("%s happens on somebody's behalf, and nobody is named", [input.operation.name])
}

refusals contains refusal("other-purpose", why) if {
	input.token.purpose != input.operation.purpose
	why := sprintf("the token is for %s, not for %s", [input.token.purpose, input.operation.purpose])
}

refusals contains refusal("scope-missing", why) if {
	input.token
	some scope in input.operation.scopes
	not has_scope(scope)
	why := sprintf("%s was not given the scope %s", [input.token.client, scope])
}

# A rule of its own: behind `not`, a token without scopes would make the refusal undefined.
has_scope(scope) if scope in input.token.scopes
