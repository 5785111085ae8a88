// Package artifactcli is what `understudy artifact` does: it lists, downloads and
// deletes artifacts by the REST API.
//
// An artifact is fetched in pieces, several at a time where the server gives
// ranges, into a file of its own in the target directory. A second file records
// which pieces it has: a download that is killed continues where it was. The signed
// URL behind the API's redirect is good for a minute; when a piece is refused or its
// connection breaks, a new URL is asked for and the piece continues at its last byte.
//
// When all bytes are there, their SHA-256 must be the one that the API gives. Only
// then is the file moved to its name, or its archive extracted into a directory that
// gets its name when it is complete. Artifacts are untrusted: they are written through
// [os.Root] only, and an archive with a path that leads out, a link, or more than the
// limits allow is refused before its first file.
//
// The token goes to the server that the user named and nowhere else: no redirect is
// followed with it. Names are printed without what could steer a terminal.
package artifactcli
