# May this request happen? Every service asks this, for every request, after it has looked at the certificate, the
# charters and the token itself: policies can take away, never give.
#
# input.service    the service that is asked
# input.caller     the workload that asks
# input.operation  {"id", "name": "service/id", "callers": {workload: true}, "scopes": […], "purpose"}, as the charters
#                  say; without a purpose where nobody's behalf is needed; "passed_on": true where the token goes on to a
#                  service that is asked for the same purpose and decides about the money
# input.resource   what the path names, such as {"id": …}
# input.token      {"kind": "person" or "client", "subject", "client", "scopes": […], "purpose", "context": {"amount",
#                  "currency", "debtor", "creditor", "account", …}}; left out where there is none
#
# data.access      the organisation's lists; see data.json
package strongroom.access

decision := {"allow": true} if count(refusals) == 0

else := {"allow": false, "refusals": refusals}

# A refusal: which rule, and why in plain words. The log keeps both.
refusal(rule, why) := {"rule": rule, "why": why}
