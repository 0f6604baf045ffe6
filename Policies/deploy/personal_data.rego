# Personal data has one keeper for each kind; everybody else holds an opaque reference.
package strongroom.deploy

deny contains finding("personal-data", class, message) if {
	some kept in input.charter.data
	kept.sensitivity == "personal"
	class := class_of(kept)
	not is_keeper(class)
	message := sprintf("%s may not keep %s, which is personal", [service, class])
}

is_keeper(class) if data.organisation.personal_keepers[class] == service

# What has no class is nobody's to keep, and no list speaks of it.
class_of(kept) := object.get(kept, "class", "data without a class")
