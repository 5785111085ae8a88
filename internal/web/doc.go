// Package web serves the pages for people: repositories, runs, and the logs of
// jobs while they are written.
//
// A page is a typed struct and a template; nothing is rendered in the browser,
// and every page works without JavaScript by loading it again. The one script
// follows what happens: it listens to a stream of server-sent events and asks for
// the part of the page that changed, or adds lines of a log as text.
//
// What a visitor may not see is a page that says 404, the same as for what does
// not exist. A visitor is known by a session cookie that only pages accept;
// forms that change something carry a token derived from it, and come from this
// origin. Streams end when the session or the access does.
//
// Logs, names and titles are untrusted text: they are escaped, only colours are
// kept of terminal escapes, and package markdown makes HTML of a summary, once: it is
// kept as long as its summary does not change. Should something slip through, the
// policy in the headers lets no script run but this package's own file, and no image
// load but those of hosts that the operator named.
//
// Files of artifacts are sent as they are, but to be saved: never as a page.
//
// Logs are streamed from storage into the page, a bounded number of lines of
// each step, so that neither side holds a large log in memory.
package web
