package actions

import "time"

// An ActionOrigin says where an action that a run uses comes from.
type ActionOrigin string

// The origins.
const (
	OfRepository ActionOrigin = "repository" // a repository of this server
	BuiltIn      ActionOrigin = "built_in"   // the server carries it itself
	Fetched      ActionOrigin = "fetched"    // from an upstream host, by git
	Imported     ActionOrigin = "imported"   // by the operator, from git: its commit is that of its authors
	MadeHere     ActionOrigin = "made_here"  // by the operator, from files: its commit was made here, and nobody else has it
)

// A KeptAction is a commit of a repository of another host, which the server keeps to
// hand it out as an action.
type KeptAction struct {
	ID        int64
	Name, SHA string       // "owner/repo" as it was first spelled, and the commit
	Origin    ActionOrigin // Fetched, Imported or MadeHere
	Host      string       // such as https://github.com; empty where it came from a file
	Pack      KeptBlob     // the objects of the commit, as git packs them
	Archive   KeptBlob     // the files: a gzipped tar with one directory at the top
	KeptAt    time.Time
	UsedAt    time.Time // when a job got it last, about
}

// A KeptBlob names a blob and says how many bytes it has.
type KeptBlob struct {
	Key  string
	Size int64
}

// A KeptRef is what a branch or tag of a kept repository means.
type KeptRef struct {
	Ref     string      // as workflows write it: v4
	Host    string      // that said so; empty where the operator did
	Action  *KeptAction // the commit
	AskedAt time.Time   // when it was so last
}

// A LockedAction is what an action that a run uses stood for.
type LockedAction struct {
	RunID   int64
	Attempt int
	Name    string // "owner/repo"
	Ref     string // as the workflow, or another action, writes it
	SHA     string
	Origin  ActionOrigin
	Host    string    // that it was fetched or imported from; empty for none
	KeptAt  time.Time // when; zero where it is not kept from elsewhere
	AskedAt time.Time // when the host said last that Ref is SHA; zero where no host says it
}
