// Package gitrepo keeps bare repositories on disk and works on them through
// the git program.
//
// A repository is named by its number and nothing else: no path, option or
// configuration value ever comes from a user. Names of refs, hashes and paths
// are checked by this package before git sees them, arguments are never a
// shell string, and git runs with an environment and a configuration file
// written here. Hooks are looked for in one directory, which holds one script
// of ours; no hook of a repository can run.
//
// # Reading
//
// Objects are read through long-lived "git cat-file" processes, kept in a
// small pool; refs are read from the files that git keeps them in. A [View]
// reads one repository; the methods of [Git] that take a repository's number
// are short for it.
//
// # Pushes
//
// [Git.Receive] runs "git receive-pack". When the pack has arrived, is
// complete and passed git's checks, its objects lie in quarantine and no ref
// has moved. Now git runs our pre-receive script, which sends the proposed
// updates over a pipe and waits. The updates are checked in Go, and whoever
// must remember them does so durably (ReceiveOptions.Check). Only then the
// script lets git go on. Permission comes through the pipe only: when the server
// is gone, the script reads end of file and git refuses the push.
//
// From before Check until the outcome is known, the push holds its
// repository's lock, so a ref that stands at the proposed value afterwards was
// put there by this push. The lock is a flock on a file that git inherits: if
// the server dies after it said yes, the lock lives as long as that git
// process does. Such a process needs nobody: it moves its refs, fails to report
// to a closed pipe, and ends. [Git.Applied], which tells what became of a
// remembered push that nobody saw end, waits for the lock and therefore never
// looks while refs may still move. The next Check, which holds the lock, asks the
// same ([View.Applied]) before it lets the refs move on.
//
// # What survives
//
// Objects and refs are synced by git, the directories that name them by this
// package, both before Receive reports success. After power loss a repository
// may hold lock files and quarantines of processes that have ended; they are
// removed when the repository's lock is next taken. Memory holds only the
// processes of the pool and idle locks.
package gitrepo
