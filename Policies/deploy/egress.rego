# A service reaches the outside only where the organisation says so.
package strongroom.deploy

deny contains finding("unlisted-egress", destination, message) if {
	some destination in input.charter.egress
	not is_listed(destination)
	message := sprintf("%s may not reach %s: it is not on the organisation's list", [service, destination])
}

is_listed(destination) if service in data.organisation.egress[destination]
