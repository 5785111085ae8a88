// Package wire is the JSON of the runner protocol and of the Twirp services
// beside it, shared by the server and the bundled runner.
//
// It holds shapes and nothing else: what a field means to a run is decided by
// those who read it. Each file is one part of the protocol: registration,
// sessions and messages, the run service, the job message, template tokens,
// context data, action resolution, results, lines of logs, the live feed.
//
// Two clients write these shapes with different habits. The official runner
// uses camelCase or snake_case as the type says; an independent one writes Go
// field names. Reading is therefore lenient: names match in any case, numbers
// and booleans may be strings, times may lack a zone. Writing is exact.
//
// Template tokens and context data are recursive. They are read in one pass,
// to at most [MaxDepth] levels, so that hostile input costs what it weighs.
package wire
