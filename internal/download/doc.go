// Package download lists, fetches and deletes artifacts by the REST API, for
// `understudy artifact`.
//
// An artifact is fetched in pieces, several at a time where the server gives
// ranges, into a file of its own in the target directory. Beside it stands what is
// there already: a download that is killed goes on where it was. The signed URL
// behind the API's redirect is good for a minute; a piece that is refused, or whose
// connection breaks, asks for a new one and goes on at its last byte.
//
// Nothing is taken for an artifact before all of its bytes have the SHA-256 that
// the API gives. Then it is moved to its place, or its archive extracted into a
// directory that gets its name when it is complete. What comes is the work of
// strangers: it is written through [os.Root] only, and an archive with a path that
// leads out, a link, or more than the limits allow is refused before its first file.
//
// The token goes to the server that the user named and nowhere else: no redirect is
// followed with it. Names are printed without what could steer a terminal.
package download
