// Package auth says who is calling and what they may do.
//
// A caller shows a token: as Authorization Bearer, token or Basic, or, for pages,
// in a cookie. Only the SHA-256 of a token is kept, so a request costs one hash
// and one indexed look-up; tokens are long and random, and need no slow hash.
//
// What somebody may do with a repository is the least of what their account may
// (owner, organization owner, collaborator, site admin; anyone reads what is
// public, and who has signed in what is internal) and what their token may (scopes of a classic token, permissions of the
// others; a job's token reaches one repository). [Auth.Can] is the one decision
// that every surface asks for: what a caller may not see is NotFound, what they
// may see but not do is Forbidden, in GitHub's words. In an archived repository nobody
// does what takes more than reading, but where [Need.Archived] says so.
//
// What was read is remembered until something of the kind is written
// (store.AccessTopic, store.RecordTopic): here at once, by another server a short time
// ago, by another program on SQLite a second ago. A job's token is never
// remembered: it dies with its job.
package auth
