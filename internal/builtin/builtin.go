// Package builtin is the actions that the server carries itself: small,
// dependency-free JavaScript with the inputs and outputs of actions/checkout,
// upload-artifact, download-artifact and cache. They let jobs run where nothing
// of the internet can be reached.
//
// Each directory of actions/ but lib is one repository of the owner "actions",
// with its action.yml at the top and those of its other actions (such as merge,
// save, restore) in directories below. What lib has is in every archive as lib/.
// Any version that a workflow names is the same one: that of this program, whose
// contents a made-up commit id stands for.
//
// Archives are made from memory, and of the same bytes each time.
package builtin

import (
	"crypto/sha1" // a name in the form of git's, nothing to trust
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A Policy says when built-in actions are used.
type Policy string

// The policies.
const (
	Fallback Policy = "fallback" // for a repository that is not here
	Prefer   Policy = "prefer"   // always
	Never    Policy = "never"
)

// ParsePolicy reads a policy. The error is Invalid.
func ParsePolicy(text string) (Policy, error) {
	switch p := Policy(text); p {
	case Fallback, Prefer, Never:
		return p, nil
	}
	return "", actions.Errorf(actions.Invalid, "%.50q is none of %s, %s and %s", text, Fallback, Prefer, Never)
}

//go:embed actions
var embedded embed.FS

const (
	owner = "actions"
	lib   = "lib" // the directory that all archives share

	// aboutFile tells an action what it is: lib/core.js prints it.
	aboutFile = lib + "/about.json"
)

// A Set is the built-in actions of one version of the program.
type Set struct{ actions map[string]*Action }

// An Action is a repository of actions.
type Action struct {
	Name  string // "actions/checkout"
	SHA   string // 40 digits, made of the contents
	files []file // in the order of names
}

type file struct {
	name string
	data []byte
}

// New makes the set. version is the program's: actions print it.
func New(version string) (*Set, error) {
	shared, err := read(lib)
	if err != nil {
		return nil, err
	}
	dirs, err := embedded.ReadDir(owner)
	if err != nil {
		return nil, fmt.Errorf("built-in actions: %w", err)
	}
	s := &Set{actions: make(map[string]*Action, len(dirs))}
	for _, d := range dirs {
		if d.Name() == lib {
			continue
		}
		name := owner + "/" + d.Name()
		about, err := json.Marshal(map[string]string{"action": name, "version": version})
		if err != nil {
			return nil, fmt.Errorf("built-in action %s: %w", name, err)
		}
		own, err := read(d.Name())
		if err != nil {
			return nil, err
		}
		for i := range own {
			own[i].name = strings.TrimPrefix(own[i].name, d.Name()+"/")
		}
		s.actions[name] = newAction(name, slices.Concat(own, shared, []file{{aboutFile, about}}))
	}
	return s, nil
}

func newAction(name string, files []file) *Action {
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	sum := sha1.New() // see the import
	for _, f := range files {
		_, _ = fmt.Fprintf(sum, "%d %s %d\n", len(f.name), f.name, len(f.data)) // a hash takes all
		_, _ = sum.Write(f.data)
	}
	return &Action{Name: name, SHA: hex.EncodeToString(sum.Sum(nil)), files: files}
}

// read reads the files of a directory, which their names begin with.
func read(dir string) (files []file, err error) {
	err = fs.WalkDir(embedded, path.Join(owner, dir), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := embedded.ReadFile(name)
		files = append(files, file{strings.TrimPrefix(name, owner+"/"), data})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("built-in actions: %w", err)
	}
	return files, nil
}

// Find returns the action of a repository, such as "actions/checkout" in any
// case. A nil set has none.
func (s *Set) Find(repository string) (*Action, bool) {
	if s == nil {
		return nil, false
	}
	a, ok := s.actions[strings.ToLower(repository)]
	return a, ok
}

// BySHA returns the action whose contents the name stands for.
func (s *Set) BySHA(sha string) (*Action, bool) {
	if s == nil {
		return nil, false
	}
	for _, a := range s.actions {
		if a.SHA == sha {
			return a, true
		}
	}
	return nil, false
}
