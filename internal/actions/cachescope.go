package actions

import "slices"

// A CacheMode is what `cache-mode` of a workflow or job allows it to do with caches.
type CacheMode string

// The cache modes. The words are GitHub's, so writing includes reading.
const (
	CacheReads     CacheMode = "read"
	CacheWrites    CacheMode = "write"
	CacheWriteOnly CacheMode = "write-only"
	CacheNone      CacheMode = "none"
)

// A CacheScope is a ref and what a job may do with the caches that belong to it.
// Job tokens have it as JSON, with these names, which clients look for.
type CacheScope struct {
	Scope      string // full ref
	Permission int    // sum of CacheRead and CacheWrite
}

// The bits of [CacheScope.Permission], as job tokens have them.
const (
	CacheRead  = 1
	CacheWrite = 2
)

// Reads says whether caches of the scope can be restored.
func (s CacheScope) Reads() bool { return s.Permission&CacheRead != 0 }

// Writes says whether caches can be saved to the scope.
func (s CacheScope) Writes() bool { return s.Permission&CacheWrite != 0 }

// CacheScopes are the caches that a job may use, in the order in which they are
// searched (CACHE-3, CACHE-4): its own ref, the only one that it may write; for
// a pull request the base branch, baseRef, which is empty otherwise; the default
// branch. Sibling branches, and other tags, are not among them. baseRef is a full
// ref, defaultBranch a short name.
func CacheScopes(ref, baseRef, defaultBranch string, mode CacheMode) []CacheScope {
	own := map[CacheMode]int{CacheReads: CacheRead, CacheWrites: CacheRead | CacheWrite, CacheWriteOnly: CacheWrite}[mode]
	if own == 0 || ref == "" {
		return nil
	}
	scopes := []CacheScope{{ref, own}}
	if own&CacheRead == 0 {
		return scopes
	}
	for _, other := range []string{baseRef, BranchPrefix + defaultBranch} {
		known := slices.ContainsFunc(scopes, func(s CacheScope) bool { return s.Scope == other })
		if other != "" && other != BranchPrefix && !known {
			scopes = append(scopes, CacheScope{other, CacheRead})
		}
	}
	return scopes
}
