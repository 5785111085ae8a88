package worker

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/wire"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// maxDepth is how many levels of actions there may be below those that the
// workflow names (CMP-6).
const maxDepth = 9

// actions are the actions that the steps of a job use: those of repositories,
// fetched before the first step, and those in the workspace.
type actions struct {
	source     ActionSource
	dir        string // where repositories are unpacked
	workspace  string
	home       wire.Reference         // the repository and commit of the workflow: $/path
	fetched    map[string]bool        // directories of repositories
	read       map[string]*definition // by directory; those in the workspace change and are not here
	unresolved bool                   // the server could not say where an action is
}

func newActions(source ActionSource, dir, workspace string, home wire.Reference) *actions {
	return &actions{
		source: source, dir: dir, workspace: workspace, home: home,
		fetched: map[string]bool{}, read: map[string]*definition{},
	}
}

// repositoryDir is where a repository of actions is unpacked.
func (a *actions) repositoryDir(ref wire.Reference) (string, error) {
	local := func(path string) bool {
		return path != "." && filepath.IsLocal(path) && filepath.Clean(path) == path && !strings.ContainsRune(path, 0)
	}
	name, version := filepath.FromSlash(ref.Name), filepath.FromSlash(ref.Ref)
	if strings.Count(ref.Name, "/") != 1 || !local(name) || !local(version) {
		return "", problemf("Invalid action '%s@%s'", ref.Name, ref.Ref)
	}
	return filepath.Join(a.dir, name, version), nil
}

// find returns the action of a step. Those elsewhere were fetched before; local
// ones are read each time, since steps may write them.
func (a *actions) find(s *step) (*definition, error) {
	root, local, home := a.workspace, true, a.home
	if elsewhere(s.ref) {
		var err error
		if root, err = a.repositoryDir(s.ref); err != nil {
			return nil, err
		}
		local, home = false, s.ref
	}
	path := filepath.FromSlash(strings.ReplaceAll(s.ref.Path, `\`, "/"))
	dir := filepath.Join(root, path)
	if !local {
		if d, ok := a.read[dir]; ok {
			return d, nil
		}
	}
	if !local && dir != root && !strings.HasPrefix(dir, root+"/") {
		return nil, problemf("Invalid path '%s' of an action", s.ref.Path)
	}
	// GitHub's runner has the path of a local action as it is written, and shows
	// others from the directory of all actions.
	shown := strings.TrimPrefix(dir, a.dir+"/")
	if local {
		dir = root + "/" + path
		shown = dir
	}
	d, err := loadDefinition(dir, shown, local)
	if errors.Is(err, errNoAction) {
		return nil, problemf("Can't find 'action.yml', 'action.yaml' or 'Dockerfile' for action '%s'.", refName(s.ref))
	}
	if err != nil {
		return nil, err
	}
	d.home = home
	if !local {
		a.read[dir] = d
	}
	return d, nil
}

// prepare fetches all actions that the steps use, those that they use in turn,
// and so on. Actions in the workspace are looked at only when they run.
func (a *actions) prepare(ctx context.Context, rec *record, list []*step) error {
	// An action that many steps use is looked at once on each level: their
	// number may grow exponentially with the depth.
	for depth := 0; len(list) > 0; depth++ {
		if depth > maxDepth && slices.ContainsFunc(list, isAction) {
			return problemf("Composite action depth exceeded max depth %d", maxDepth)
		}
		if err := a.fetch(ctx, rec, list); err != nil {
			return err
		}
		var inner []*step
		looked := map[string]bool{}
		for _, s := range list {
			if !elsewhere(s.ref) {
				continue
			}
			d, err := a.find(s)
			if err != nil {
				return err
			}
			if !looked[d.dir] {
				looked[d.dir] = true
				inner = append(inner, d.innerSteps(s.key)...)
			}
		}
		list = inner
	}
	return nil
}

// fetch downloads the repositories that the steps name and that are not here.
func (a *actions) fetch(ctx context.Context, rec *record, list []*step) error {
	var refs []wire.ActionRef
	dirs := map[string]string{}
	for _, s := range list {
		if !elsewhere(s.ref) {
			continue
		}
		dir, err := a.repositoryDir(s.ref)
		if err != nil {
			return err
		}
		ref := wire.ActionRef{Action: s.ref.Name, Version: s.ref.Ref, Path: s.ref.Path}
		if !a.fetched[dir] && !slices.ContainsFunc(refs, func(o wire.ActionRef) bool { return o.Key() == ref.Key() }) {
			refs = append(refs, ref)
			dirs[ref.Key()] = dir
		}
	}
	if len(refs) == 0 {
		return nil
	}
	rec.print("Getting action download info")
	infos, err := a.source.Resolve(ctx, refs)
	if err != nil {
		a.unresolved = a.unresolved || ctx.Err() == nil
		return err
	}
	for _, ref := range refs {
		info, ok := infos[ref.Key()]
		if !ok {
			return problemf("Missing download info for %s", ref.Key())
		}
		rec.print(fmt.Sprintf("Download action repository '%s' (SHA:%s)", ref.Key(), info.ResolvedSHA))
		if err := a.source.Fetch(ctx, info, dirs[ref.Key()]); err != nil {
			return err
		}
		a.fetched[dirs[ref.Key()]] = true
	}
	return nil
}

// hasPre and hasPost say whether an action has something to run before or
// after the main steps, itself or in the actions that it uses.
func (a *actions) hasPre(s *step) bool {
	return a.has(s, map[string]bool{}, func(runs workflow.ActionRuns) bool { return runs.Pre != "" || runs.PreEntrypoint != "" })
}

func (a *actions) hasPost(s *step) bool {
	return a.has(s, map[string]bool{}, func(runs workflow.ActionRuns) bool { return runs.Post != "" || runs.PostEntrypoint != "" })
}

// hasLocal says whether an action uses one of the workspace.
func (a *actions) hasLocal(s *step) bool { return a.has(s, map[string]bool{}, usesLocal) }

func usesLocal(runs workflow.ActionRuns) bool {
	return slices.ContainsFunc(runs.Steps, func(s *workflow.Step) bool { return s.Action != nil && s.Action.Kind == workflow.Local })
}

// has looks at each action once, even if many steps use it, or it uses itself.
func (a *actions) has(s *step, looked map[string]bool, what func(workflow.ActionRuns) bool) bool {
	if s.ref.Type != wire.RefRepository {
		return false
	}
	d, err := a.find(s)
	if err != nil || looked[d.dir] {
		return false // the step itself will tell
	}
	looked[d.dir] = true
	return what(d.Runs) || slices.ContainsFunc(d.innerSteps(s.key), func(inner *step) bool {
		return a.has(inner, looked, what)
	})
}

// preCondition is when the pre stage of a step runs.
func (a *actions) preCondition(s *step) *expr.Expr {
	d, err := a.find(s)
	if err != nil {
		return nil // the stage itself will tell
	}
	return d.Runs.PreIf
}
