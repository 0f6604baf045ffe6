# What runs is what was built.
package strongroom.deploy

deny contains finding("not-the-built-one", artifact.name, message) if {
	some artifact in input.artifacts
	not is_built(artifact)
	message := sprintf("%s of %s is not the one that was built", [artifact.name, service])
}

deny contains finding("not-the-built-one", "", message) if {
	input.stage != "check"
	is_process
	count(object.get(input, "artifacts", [])) == 0
	message := sprintf("nobody says with which digest %s is to run", [service])
}

is_built(artifact) if {
	startswith(artifact.digest, "sha256:")
	artifact.digest == input.built[artifact.name]
}
