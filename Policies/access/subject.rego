# What a person, or a client that acts for itself, may do now. Roles are data:
#
# data.access.roles[ROLE].purposes[PURPOSE]       {} or {"amount_max": {CURRENCY: minor units}}
# data.access.members[SUBJECT].roles[ROLE]        {} or {"until": moment in RFC 3339}
# data.access.default_roles["person" or "client"] for who is no member
# data.access.suspended[SUBJECT or CLIENT], data.access.frozen[ACCOUNT]: why
package strongroom.access

refusals contains refusal("subject-suspended", why) if {
	reason := data.access.suspended[input.token.subject]
	why := sprintf("the subject is suspended: %s", [reason])
}

# Nothing goes through a suspended client, for whomever.
refusals contains refusal("client-suspended", why) if {
	reason := data.access.suspended[input.token.client]
	why := sprintf("the client is suspended: %s", [reason])
}

refusals contains refusal("no-role", why) if {
	is_left_without_permission
	count(grants) == 0
	why := sprintf("no role of this %s allows %s", [input.token.kind, input.operation.purpose])
}

refusals contains refusal("amount-above-role", why) if {
	is_left_without_permission
	count(grants) > 0
	amount := object.get(input.token, ["context", "amount"], "?")
	currency := object.get(input.token, ["context", "currency"], "?")
	why := sprintf(
		"no role of this %s allows %s of %s %s (minor units)",
		[input.token.kind, input.operation.purpose, amount, currency],
	)
}

# Who decides about the money says so, and answers as for an account that does not exist: an earlier, other no would tip
# people off. Nor is such an account thawed or closed on anybody's behalf: this list is the emergency brake beside the
# ledger's own word.
refusals contains refusal("account-frozen", why) if {
	not is_passed_on
	some end in ["debtor", "creditor", "account"]
	reason := data.access.frozen[input.token.context[end]]
	why := sprintf("the account named as %s is frozen: %s", [end, reason])
}

is_passed_on if input.operation.passed_on

# Somebody asks for something that needs a role, and none gives it.
is_left_without_permission if {
	input.operation.purpose
	input.token
	not is_permitted
}

is_permitted if is_permitted_without_limit

is_permitted if {
	some grant in grants
	is_within(grant)
}

# A rule of its own: where the roles do not depend on who asks, this is known before anybody does.
is_permitted_without_limit if {
	some grant in grants
	not grant.amount_max
}

# What the subject's roles say of the purpose.
grants contains grant if {
	some role, membership in data.access.members[input.token.subject].roles
	not is_over(membership)
	grant := data.access.roles[role].purposes[input.operation.purpose]
}

grants contains grant if {
	input.token.subject
	not data.access.members[input.token.subject]
	some role in data.access.default_roles[input.token.kind]
	grant := data.access.roles[role].purposes[input.operation.purpose]
}

# Publishing refuses a moment that cannot be read; where one is met, nothing is decided.
is_over(membership) if {
	membership.until
	not is_ahead(membership.until)
}

is_ahead(moment) if time.parse_rfc3339_ns(moment) > time.now_ns()

# Without an amount nothing can be too much; in a currency that the role does not name nothing is allowed.
is_within(_) if not input.token.context.amount

is_within(grant) if to_number(input.token.context.amount) <= grant.amount_max[input.token.context.currency]
