# Every container has limits, and is the image that was built.
package strongroom.kubernetes

deny contains finding("missing-limit", container.name, message) if {
	some container in containers
	some resource in ["cpu", "memory"]
	object.get(container, ["resources", "limits", resource], "") == ""
	message := sprintf("%s: %s has no limit of %s", [name, container.name, resource])
}

deny contains finding("not-the-built-one", container.name, message) if {
	some container in containers
	image := object.get(container, "image", "no image")
	not is_built(image)
	message := sprintf("%s: %s runs %s, which is not what was built", [name, container.name, image])
}

# An image counts by its digest; a tag may be moved.
is_built(image) if {
	[repository, digest] := split(image, "@")
	digest == lists.built_images[repository]
	startswith(digest, "sha256:")
}
