# Everything that runs has limits, and none beyond what the organisation allows.
package strongroom.deploy

deny contains finding("missing-limit", "limits:", message) if {
	is_process
	some name, _ in data.organisation.limits_max
	not has_limit(name)
	message := sprintf("%s has no limit of %s", [service, name])
}

# A rule of its own: behind `not`, a limit that is not there would make the finding undefined.
has_limit(name) if is_number(input.charter.limits[name])

deny contains finding("limit-too-high", name, message) if {
	some name, most in data.organisation.limits_max
	input.charter.limits[name] > most
	message := sprintf("%s asks for %s of %d; %d is the most", [service, name, input.charter.limits[name], most])
}
