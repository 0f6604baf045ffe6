package strongroom.access_test

import data.strongroom.access

operation := {
	"id": "createPayment",
	"name": "payments/createPayment",
	"callers": {"gateway": true},
	"scopes": ["payments:create"],
	"purpose": "payment.create",
}

token := {
	"kind": "person",
	"subject": "ada",
	"client": "bank-app",
	"scopes": ["openid", "payments:create"],
	"purpose": "payment.create",
	"context": {"amount": "1000", "currency": "EUR", "debtor": "ada-1", "creditor": "bob-1"},
}

request := {
	"service": "payments",
	"caller": "gateway",
	"operation": operation,
	"resource": {},
	"token": token,
}

# An operation between services that needs nobody's token.
inner := {
	"service": "ledger",
	"caller": "payments",
	"operation": {
		"id": "getTransfer", "name": "ledger/getTransfer",
		"callers": {"operator": true, "payments": true}, "scopes": [],
	},
	"resource": {"id": "7"},
}

lists := {
	"roles": {
		"holder": {"purposes": {"payment.create": {}, "payment.read": {}}},
		"junior": {"purposes": {"payment.create": {"amount_max": {"EUR": 1000}}}},
		"reader": {"purposes": {"payment.read": {}}},
	},
	"default_roles": {"person": ["holder"], "client": []},
	"members": {},
	"suspended": {},
	"frozen": {},
	"contained": {},
	"closed": {},
}

# The rules that refuse the request after JSON patches of it and of the lists.
refused(asked, patch, lists_patch) := {found.rule | some found in refusals} if {
	refusals := access.refusals with input as json.patch(asked, patch)
		with data.access as json.patch(lists, lists_patch)
		with time.now_ns as time.parse_rfc3339_ns("2026-06-01T12:00:00Z")
}

set_to(path, value) := [{"op": "add", "path": path, "value": value}]

without(path) := [{"op": "remove", "path": path}]

test_what_the_charters_and_a_role_allow_is_allowed if {
	access.decision == {"allow": true} with input as request with data.access as lists
	access.decision == {"allow": true} with input as inner with data.access as lists
}

test_a_refusal_says_the_rule_in_plain_words if {
	decision := access.decision with input as json.patch(request, set_to("/caller", "customers"))
		with data.access as lists
	decision == {
		"allow": false,
		"refusals": {{
			"rule": "edge-not-declared",
			"why": "the charters of customers and payments do not both declare this call",
		}},
	}
}

test_nothing_is_allowed_without_a_question if {
	not access.decision.allow with input as {} with data.access as lists
	not access.decision.allow with input as request with data.access as {}
}

# Workloads

test_a_caller_that_is_not_declared_is_refused if {
	refused(request, set_to("/caller", "ledger"), []) == {"edge-not-declared"}
	refused(inner, set_to("/operation/callers", {"operator": true}), []) == {"edge-not-declared"}
}

test_a_question_that_leaves_something_out_is_refused if {
	every path in ["/service", "/caller", "/operation/name"] {
		"incomplete-question" in refused(inner, without(path), [])
	}
	every name in ["kind", "subject", "client", "purpose"] {
		"incomplete-question" in refused(request, without(concat("/", ["/token", name])), [])
	}
	every path in ["/operation/callers", "/token/scopes", "/token"] {
		count(refused(request, without(path), [])) > 0
	}
}

test_a_contained_workload_is_refused_everything if {
	refused(inner, [], set_to("/contained/payments", "acts oddly")) == {"workload-contained"}
	refused(inner, [], set_to("/contained/ledger", "acts oddly")) == set()
}

test_a_closed_operation_is_refused_to_all if {
	refused(request, [], set_to("/closed", {"payments/createPayment": "end of year"})) == {"operation-closed"}
	refused(inner, [], set_to("/closed", {"payments/createPayment": "end of year"})) == set()
}

test_an_operation_with_a_purpose_needs_a_token if {
	refused(request, without("/token"), []) == {"token-missing"}
}

test_a_token_for_another_purpose_is_refused if {
	refused(request, set_to("/token/purpose", "payment.read"), []) == {"other-purpose"}
}

test_a_token_without_the_scope_is_refused if {
	refused(request, set_to("/token/scopes", ["openid"]), []) == {"scope-missing"}
	refused(request, without("/token/scopes"), []) == {"scope-missing"}
}

# Subjects

test_nothing_goes_through_a_suspended_client if {
	client := request.token.client
	refused(request, [], set_to(sprintf("/suspended/%s", [client]), "leaks tokens")) == {"client-suspended"}
}

test_a_suspended_subject_is_refused if {
	refused(request, [], set_to("/suspended/ada", "lost papers")) == {"subject-suspended"}
	refused(request, [], set_to("/suspended/bob", "lost papers")) == set()
}

test_without_a_role_for_the_purpose_nothing_happens if {
	refused(request, [], set_to("/default_roles/person", ["reader"])) == {"no-role"}
	refused(request, [], set_to("/default_roles/person", [])) == {"no-role"}
	refused(request, set_to("/token/kind", "client"), []) == {"no-role"}
}

test_members_have_the_roles_that_they_were_given_and_no_others if {
	refused(request, [], set_to("/members/ada", {"roles": {"reader": {}}})) == {"no-role"}
	refused(request, [], set_to("/members/ada", {"roles": {"holder": {}}})) == set()
	refused(request, [], set_to("/members/ada", {"roles": {}})) == {"no-role"}
}

test_a_role_ends_at_its_moment if {
	refused(request, [], holder_until("2026-06-01T12:00:01Z")) == set()
	refused(request, [], holder_until("2026-06-01T12:00:00Z")) == {"no-role"}
}

holder_until(moment) := set_to("/members/ada", {"roles": {"holder": {"until": moment}}})

test_a_role_has_its_largest_amount_in_each_currency if {
	junior := set_to("/members/ada", {"roles": {"junior": {}}})
	refused(request, [], junior) == set()
	refused(request, set_to("/token/context/amount", "1001"), junior) == {"amount-above-role"}
	refused(request, set_to("/token/context/currency", "USD"), junior) == {"amount-above-role"}
	refused(request, without("/token/context/currency"), junior) == {"amount-above-role"}
	refused(request, without("/token/context/amount"), junior) == set()
}

test_the_larger_of_two_roles_counts if {
	both := set_to("/members/ada", {"roles": {"junior": {}, "holder": {}}})
	refused(request, set_to("/token/context/amount", "1001"), both) == set()
}

test_a_frozen_account_neither_pays_nor_is_paid if {
	refused(request, [], set_to("/frozen/ada-1", "court order")) == {"account-frozen"}
	refused(request, [], set_to("/frozen/bob-1", "court order")) == {"account-frozen"}
	refused(request, [], set_to("/frozen/eve-1", "court order")) == set()
}

test_a_frozen_account_is_not_changed_on_anybodys_behalf if {
	changing := [{"op": "replace", "path": "/token/context", "value": {"account": "ada-1", "change": "thaw"}}]
	refused(request, changing, set_to("/frozen/ada-1", "court order")) == {"account-frozen"}
	refused(request, changing, set_to("/frozen/bob-1", "court order")) == set()
}

test_who_passes_the_token_on_does_not_tell_that_an_account_is_frozen if {
	passing := set_to("/operation/passed_on", true)
	refused(request, passing, set_to("/frozen/bob-1", "court order")) == set()
	refused(request, passing, set_to("/suspended/ada", "lost phone")) == {"subject-suspended"}
}

# The lists as they are shipped

test_nobody_manages_accounts_until_somebody_is_made_a_manager if {
	managing := array.concat(
		[{"op": "replace", "path": "/operation/purpose", "value": "account.manage"}],
		set_to("/token/purpose", "account.manage"),
	)
	asked := json.patch(request, managing)
	shipped := object.remove(data.access, ["suspended", "frozen", "contained", "closed"])
	access.decision.allow == false with input as asked with data.access as shipped
	access.decision.allow == false with input as json.patch(asked, set_to("/token/kind", "client"))
		with data.access as shipped
	named := json.patch(shipped, set_to("/members/ada", {"roles": {"account-manager": {}}}))
	access.decision.allow with input as asked with data.access as named
}

test_an_account_holder_pays_and_so_does_a_machine if {
	# Whatever is closed or suspended just now: that is an operator's to decide, at any hour. Whose account it is, the
	# ledger decides.
	shipped := object.remove(data.access, ["suspended", "frozen", "contained", "closed"])
	access.decision.allow with input as request with data.access as shipped
	access.decision.allow with input as json.patch(request, set_to("/token/kind", "client"))
		with data.access as shipped
}

test_a_machine_is_nobody_whose_profile_could_be_read if {
	shipped := object.remove(data.access, ["suspended", "frozen", "contained", "closed"])
	every purpose in ["profile.read", "identity.userinfo", "greeting.create"] {
		asked := json.patch(request, array.concat(
			array.concat(set_to("/token/kind", "client"), set_to("/token/purpose", purpose)),
			set_to("/operation/purpose", purpose),
		))
		access.decision.allow == false with input as asked with data.access as shipped
	}
}
