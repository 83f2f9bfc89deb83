// Package inside is what the agent does within a container: it serves sessions,
// keeps the volume's layout, and copies an image's store into the volume. It
// runs on Linux alone, as root, whatever the host is.
package inside
