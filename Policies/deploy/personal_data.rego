# Personal data has one keeper for each kind; everybody else holds an opaque reference.
package strongroom.deploy

deny contains finding("personal-data", kept["class"], message) if {
	some kept in input.charter.data
	kept.sensitivity == "personal"
	not is_keeper(kept["class"])
	message := sprintf("%s may not keep %s, which is personal", [service, kept["class"]])
}

is_keeper(class) if data.organisation.personal_keepers[class] == service
