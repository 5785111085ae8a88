// Package demo shows in a few seconds what Understudy does: it starts a server on
// free ports, pushes a sample project with git, and shows in the terminal how
// its run goes.
//
// The demo is a client like any other. It makes accounts and repositories by
// REST, pushes over HTTP, follows the run by asking for it, downloads the logs and
// the artifact, whose digest it checks, and reads the summary from the run's page.
// What it shows is what everyone sees; it succeeds only if all of that worked.
//
// The sample uses actions/checkout, upload-artifact, download-artifact and cache:
// those that the server carries itself. Nothing is fetched from elsewhere, and a
// job needs no more than bash, git and node.
//
// The API gives times in whole seconds, as GitHub's does. What is shown while the
// run goes is the time that this program saw pass; in the end the times of log
// lines replace it, which are exact.
package demo
