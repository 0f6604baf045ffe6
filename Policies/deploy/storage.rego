# Sensitive data is stored sealed, or not at all.
package strongroom.deploy

deny contains finding("unsealed-storage", class_of(kept), message) if {
	some kept in input.charter.data
	must_be_sealed(kept)
	not holds_keyring
	message := sprintf(
		"%s keeps %s (%s) and has no keyring to seal it with",
		[service, class_of(kept), kept.sensitivity],
	)
}

must_be_sealed(kept) if kept.sensitivity == "personal"

must_be_sealed(kept) if {
	kept.sensitivity == "confidential"
	class := class_of(kept)
	not data.organisation.unsealed_classes[class]
}

holds_keyring if {
	some secret in input.charter.secrets
	secret in data.organisation.keyrings
}
