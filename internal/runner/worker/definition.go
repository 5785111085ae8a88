package worker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/wire"
	"github.com/understudy-ci/understudy/internal/workflow"
)

const (
	maxActionFile = 1 << 20
	maxDepth      = 9 // levels of actions below those that the workflow names (CMP-6)

	// repoOfHome is the repository type of an action in the repository of the
	// composite action that uses it.
	repoOfHome = "selfRepository"
)

// A definition is an action on this machine: its metadata and where it is.
type definition struct {
	*workflow.Action
	dir   string // of the action
	root  string // of its repository
	local bool   // in the workspace
}

// loadDefinition reads the metadata of the action in a directory.
func loadDefinition(dir, root string, local bool) (*definition, error) {
	for _, name := range []string{"action.yml", "action.yaml"} {
		file := filepath.Join(dir, name)
		src, err := readRegular(file, maxActionFile)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		action, err := workflow.ParseAction(file, src)
		if err != nil {
			return nil, fmt.Errorf("%w\nFail to load %s", err, file)
		}
		return &definition{Action: action, dir: dir, root: root, local: local}, nil
	}
	if _, err := readRegular(filepath.Join(dir, "Dockerfile"), maxActionFile); err == nil {
		return &definition{Action: &workflow.Action{Runs: workflow.ActionRuns{Using: "docker"}}, dir: dir, root: root, local: local}, nil
	}
	return nil, problemf("Can't find 'action.yml', 'action.yaml' or 'Dockerfile' under '%s'. Did you forget to run actions/checkout before running your local action?", dir)
}

func (d *definition) composite() bool { return d.Runs.Using == "composite" }
func (d *definition) node() bool      { return strings.HasPrefix(d.Runs.Using, "node") }

// innerSteps are the steps of a composite action, as used by the step key.
func (d *definition) innerSteps(key string) []*step {
	steps := make([]*step, 0, len(d.Runs.Steps))
	for _, s := range d.Runs.Steps {
		st := &step{
			key: key + "/" + s.ID, contextName: s.ID, home: d, parent: key,
			name: s.Name, cond: s.If, env: s.Env, inputs: s.With, mayFail: s.ContinueOnError,
			ref: innerRef(s),
		}
		if s.Action == nil {
			st.inputs = scriptInputs(s)
		}
		steps = append(steps, st)
	}
	return steps
}

func innerRef(s *workflow.Step) wire.Reference {
	a := s.Action
	if a == nil {
		return wire.Reference{Type: wire.RefScript}
	}
	switch a.Kind {
	case workflow.Docker:
		return wire.Reference{Type: wire.RefContainer, Image: a.Image}
	case workflow.Local:
		return wire.Reference{Type: wire.RefRepository, RepositoryType: wire.RepoSelf, Path: a.Path}
	case workflow.SelfRepository:
		return wire.Reference{Type: wire.RefRepository, RepositoryType: repoOfHome, Path: a.Path}
	case workflow.Repository:
	}
	return wire.Reference{Type: wire.RefRepository, RepositoryType: wire.RepoGitHub, Name: a.Name, Path: a.Path, Ref: a.Ref}
}

// scriptInputs are the inputs of a script as the job message has them.
func scriptInputs(s *workflow.Step) *workflow.Token {
	inputs := &workflow.Token{Kind: workflow.Mapping, Pos: s.Pos}
	for name, token := range map[string]*workflow.Token{
		wire.InputScript:           s.Run,
		wire.InputShell:            s.Shell,
		wire.InputWorkingDirectory: s.WorkingDirectory,
	} {
		if token != nil {
			key := &workflow.Token{Kind: workflow.String, Str: name}
			inputs.Pairs = append(inputs.Pairs, workflow.Pair{Key: key, Value: token})
		}
	}
	return inputs
}

func isAction(s *step) bool { return s.ref.Type != wire.RefScript }

// elsewhere says whether a reference is to a repository that must be fetched.
func elsewhere(ref wire.Reference) bool {
	return ref.Type == wire.RefRepository && ref.RepositoryType != wire.RepoSelf && ref.RepositoryType != repoOfHome
}

// repositoryDir is where a repository of actions is unpacked.
func (r *running) repositoryDir(ref wire.Reference) (string, error) {
	name := filepath.FromSlash(ref.Name)
	version := url.PathEscape(ref.Ref)
	switch {
	case strings.Count(ref.Name, "/") != 1, !filepath.IsLocal(name), filepath.Clean(name) != name,
		version == "", version == ".", version == "..":
		return "", problemf("Invalid action '%s@%s'", ref.Name, ref.Ref)
	}
	return filepath.Join(r.ActionsDir, name, version), nil
}

// definition finds the action of a step. Those elsewhere were fetched before;
// local ones are read anew each time, for steps may write them.
func (r *running) definition(s *step) (*definition, error) {
	root, local := r.workspace, true
	switch {
	case elsewhere(s.ref):
		var err error
		if root, err = r.repositoryDir(s.ref); err != nil {
			return nil, err
		}
		local = false
	case s.ref.RepositoryType == repoOfHome:
		if s.home == nil {
			return nil, problemf("'$/%s' is not supported by this runner outside of an action", s.ref.Path)
		}
		root, local = s.home.root, s.home.local
	}
	dir := filepath.Join(root, filepath.FromSlash(strings.ReplaceAll(s.ref.Path, `\`, "/")))
	if !local {
		if d, ok := r.actions[dir]; ok {
			return d, nil
		}
	}
	if dir != root && !strings.HasPrefix(dir, root+"/") {
		return nil, problemf("Invalid path '%s' of an action", s.ref.Path)
	}
	d, err := loadDefinition(dir, root, local)
	if err == nil && !local {
		r.actions[dir] = d
	}
	return d, err
}

// prepare fetches all actions that the steps use, those that they use in turn,
// and so on. Actions in the workspace are looked at only when they run.
func (r *running) prepare(ctx context.Context, rec *record, steps []*step) error {
	// An action that many steps use is looked at once on each level: their
	// number may grow exponentially with the depth.
	for depth := 0; len(steps) > 0; depth++ {
		if depth > maxDepth && slices.ContainsFunc(steps, isAction) {
			return problemf("Composite action depth exceeded max depth %d", maxDepth)
		}
		if err := r.fetch(ctx, rec, steps); err != nil {
			return err
		}
		var inner []*step
		looked := map[string]bool{}
		for _, s := range steps {
			if !elsewhere(s.ref) && s.ref.RepositoryType != repoOfHome {
				continue
			}
			d, err := r.definition(s)
			if err != nil {
				return err
			}
			if !looked[d.dir] {
				looked[d.dir] = true
				inner = append(inner, d.innerSteps(s.key)...)
			}
		}
		steps = inner
	}
	return nil
}

// fetch downloads the repositories that the steps name and that are not here.
func (r *running) fetch(ctx context.Context, rec *record, steps []*step) error {
	var refs []wire.ActionRef
	dirs := map[string]string{}
	for _, s := range steps {
		if !elsewhere(s.ref) {
			continue
		}
		dir, err := r.repositoryDir(s.ref)
		if err != nil {
			return err
		}
		ref := wire.ActionRef{Action: s.ref.Name, Version: s.ref.Ref, Path: s.ref.Path}
		if !r.fetched[dir] && !slices.ContainsFunc(refs, func(o wire.ActionRef) bool { return o.Key() == ref.Key() }) {
			refs = append(refs, ref)
			dirs[ref.Key()] = dir
		}
	}
	if len(refs) == 0 {
		return nil
	}
	rec.print("Getting action download info")
	infos, err := r.Actions.Resolve(ctx, refs)
	if err != nil {
		if ctx.Err() == nil {
			r.infrastructure = "resolve_action"
		}
		return err
	}
	for _, ref := range refs {
		info, ok := infos[ref.Key()]
		if !ok {
			return problemf("Missing download info for %s", ref.Key())
		}
		rec.print(fmt.Sprintf("Download action repository '%s' (SHA:%s)", ref.Key(), info.ResolvedSHA))
		if err := r.Actions.Fetch(ctx, info, dirs[ref.Key()]); err != nil {
			return err
		}
		r.fetched[dirs[ref.Key()]] = true
	}
	return nil
}

// hasPre and hasPost say whether an action has something to run before or
// after the main steps, itself or in the actions that it uses.
func (r *running) hasPre(s *step) bool {
	return r.has(s, map[string]bool{}, func(runs workflow.ActionRuns) bool { return runs.Pre != "" })
}

func (r *running) hasPost(s *step) bool {
	return r.has(s, map[string]bool{}, func(runs workflow.ActionRuns) bool { return runs.Post != "" })
}

// has looks at each action once, also when many steps use it, or it uses itself.
func (r *running) has(s *step, looked map[string]bool, what func(workflow.ActionRuns) bool) bool {
	if s.ref.Type != wire.RefRepository {
		return false
	}
	d, err := r.definition(s)
	if err != nil || looked[d.dir] {
		return false // the step itself will tell
	}
	looked[d.dir] = true
	return what(d.Runs) || slices.ContainsFunc(d.innerSteps(s.key), func(inner *step) bool {
		return r.has(inner, looked, what)
	})
}
