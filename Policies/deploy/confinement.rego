# Nothing runs with more of the machine than its own folder and its own port.
package strongroom.deploy

deny contains finding("privileged-folder", folder, message) if {
	some folder in input.charter.program.read
	is_privileged(folder)
	message := sprintf("%s may not read %s", [service, folder])
}

deny contains finding("privileged-program", program, message) if {
	program := input.charter.program.command[0]
	program in data.organisation.privileged_programs
	message := sprintf("%s may not be run by %s", [service, program])
}

deny contains finding("privileged-port", "port:", message) if {
	input.charter.port < 1024
	message := sprintf("%s may not listen at port %d", [service, input.charter.port])
}

# The folder itself, one in it, or one that it is in.
is_privileged(folder) if {
	some privileged in data.organisation.privileged_folders
	startswith(slashed(folder), slashed(privileged))
}

is_privileged(folder) if {
	some privileged in data.organisation.privileged_folders
	startswith(slashed(privileged), slashed(folder))
}

is_privileged(folder) if contains(folder, "..")

slashed(folder) := concat("", [trim_right(folder, "/"), "/"])
