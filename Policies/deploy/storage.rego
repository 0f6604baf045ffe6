# Sensitive data is stored sealed, or not at all.
package strongroom.deploy

deny contains finding("unsealed-storage", kept["class"], message) if {
	some kept in input.charter.data
	must_be_sealed(kept)
	not holds_keyring
	message := sprintf(
		"%s keeps %s (%s) and has no keyring to seal it with",
		[service, kept["class"], kept.sensitivity],
	)
}

must_be_sealed(kept) if kept.sensitivity == "personal"

must_be_sealed(kept) if {
	kept.sensitivity == "confidential"
	not data.organisation.unsealed_classes[kept["class"]]
}

holds_keyring if {
	some secret in input.charter.secrets
	secret in data.organisation.keyrings
}
