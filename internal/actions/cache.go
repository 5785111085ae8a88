package actions

import (
	"strings"
	"time"
	"unicode/utf8"
)

// A Cache is what a job keeps for later runs. It belongs to the ref that made
// it, and once it is complete it never changes.
type Cache struct {
	ID             int64
	RepoID         int64
	JobID          int64  // that made it
	Scope          string // full ref: "refs/heads/main"
	Key            string // as given; compared without case
	Version        string // of paths and compression; compared as it is
	ObjectID       int64
	Live           bool // false while it is being uploaded
	Size           int64
	CreatedAt      time.Time // when its upload began; IDs have the same order
	LastAccessedAt time.Time
}

// CacheLower is how keys are compared. What a key begins with, its lower form
// begins with the lower form of.
func CacheLower(key string) string { return strings.ToLower(key) }

// OfPull says whether the cache belongs to a pull request. Such caches are made by
// people who may not push, so they never push out those of branches and tags.
func (c *Cache) OfPull() bool { return strings.HasPrefix(c.Scope, PullPrefix) }

// Limits of keys and versions (CACHE-2).
const (
	MaxCacheKey     = 512 // characters
	MaxCacheKeys    = 10  // of one lookup
	MaxCacheVersion = 512 // bytes; the toolkit's have 64
)

// CheckCacheKey says whether a cache may have this key.
func CheckCacheKey(key string) error {
	switch {
	case key == "":
		return Errorf(Invalid, "Key Validation Error: the key is empty")
	case !utf8.ValidString(key) || strings.ContainsFunc(key, func(c rune) bool { return c < ' ' || c == 0x7f }):
		return Errorf(Invalid, "Key Validation Error: %.100q has characters that are not text", key)
	case utf8.RuneCountInString(key) > MaxCacheKey:
		return Errorf(Invalid, "Key Validation Error: %.100q cannot be larger than %d characters.", key, MaxCacheKey)
	case strings.Contains(key, ","):
		return Errorf(Invalid, "Key Validation Error: %.100q cannot contain commas.", key)
	}
	return nil
}

// CheckCacheVersion says whether a cache may have this version.
func CheckCacheVersion(version string) error {
	switch {
	case version == "":
		return Errorf(Invalid, "the version is empty")
	case len(version) > MaxCacheVersion:
		return Errorf(Invalid, "the version has %d bytes; at most %d are allowed", len(version), MaxCacheVersion)
	case !utf8.ValidString(version) || strings.ContainsRune(version, 0):
		return Errorf(Invalid, "the version is not text")
	}
	return nil
}
