// Package runner is the bundled runner: a process of its own that takes jobs
// from a server and speaks the protocol of GitHub's runner and nothing else.
//
// # Life of a runner
//
// [Configure] registers a runner and writes three files to its root: settings,
// OAuth client, private key. They are all it needs from then on, so a restart
// goes on as the same runner. [Runner.Listen] holds a lock in the root while it
// lives ([Running] asks for it), opens a session and polls for messages. There
// is one poll and at most one job at a time. While a job runs the poll says so;
// when it ends the next poll starts at once, and the job's directory is removed
// beside it.
//
// # Life of a job
//
// The job is acquired, renewed in the background, and executed by package
// worker, whose processes package host starts. With the isolation [User] the worker
// is a process of its own in a sandbox (package sandbox), and package link joins
// the two. What the job shows goes through a [sink]: step states in batches, logs in
// pieces, live lines over a WebSocket, summaries. All of it is delivered before
// completejob, except live lines: the log has them too.
//
// # When the server is away
//
// A server may be killed and started again while a job runs; the job does not
// notice. Everything that must arrive is repeated, in order, with short waits,
// until the server says that the job is not ours (404) or it has not
// answered for [patience] beyond the end of the lease: only then is the job
// cancelled. Repeating is safe: a signed URL names the piece of a log, so a
// piece sent twice is there once. What waits lies in a few MiB of memory and
// then in files; a job that prints faster than a healthy server takes is slowed
// down instead.
//
// # When the server does not come back
//
// A runner that a server started ends by itself when that has been silent for
// [Config.OrphanAfter], and at once when its own directory is gone. While it has a
// job its patience is 24 hours: the job ends in its own time, and its report waits.
//
// # When the runner is killed
//
// The kernel ends the programs that it started, but not their children. A file
// in the root holds the tracking id of the job while it runs; every process has
// it in its environment. The next Listen on the root kills those before it
// takes jobs, and moves what they wrote out of the way. Programs that change
// both their environment and their process group escape, as they do at the end
// of a job.
//
// # End
//
// When the context of Listen is done, a running job has [Config.Drain] to end.
// It may go on for the first part of that; then it is shut down, which fails it
// with a message, and completed like any other.
package runner
