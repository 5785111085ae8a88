package event

import "github.com/understudy-ci/understudy/internal/actions"

// CacheMode is that of a job that names none. What people without write access can
// set off may not write what later runs of the default branch restore (CACHE-4):
// there only the events whose rows say so write. An event that nobody knows is like
// one that anybody can cause.
func CacheMode(name, ref, defaultBranch string) actions.CacheMode {
	kind, _ := KindOf(name)
	switch {
	case kind.Caches != "":
		return kind.Caches
	case ref == actions.BranchPrefix+defaultBranch:
		return actions.CacheReads
	}
	return actions.CacheWrites
}
