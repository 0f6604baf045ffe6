# A service reaches the outside only where the organisation says so.
package strongroom.deploy

deny contains finding("unlisted-egress", destination.host, message) if {
	some destination in input.charter.egress
	place := sprintf("%s:%d", [destination.host, destination.port])
	not is_listed(place)
	message := sprintf("%s may not reach %s: it is not on the organisation's list", [service, place])
}

is_listed(place) if service in data.organisation.egress[place]
