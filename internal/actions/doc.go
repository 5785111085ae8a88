// Package actions holds the nouns of GitHub Actions and their rules: accounts,
// repositories, workflows, runs, attempts, jobs, steps, runners, and the errors
// that every layer speaks. It imports the standard library only, does no I/O,
// and reads no clock: rules are methods that take what they need, `now` too.
package actions
