package trigger

import (
	"context"
	"path"
	"strings"
	"sync"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/workflow"
)

const (
	workflowDir = ".github/workflows"

	// The parser of GitHub takes 1 MiB (YAML-5); a larger file is a file error,
	// for which we need not read it to its end.
	maxFile = 1<<20 + 1

	// Files that are kept parsed.
	maxFiles = 512
)

// A file is a workflow file at some commit, parsed or with what is wrong with it.
type file struct {
	path     string
	text     []byte
	workflow *workflow.Workflow
	problem  error
}

// name is what people call the workflow: its name, else its path.
func (f *file) name() string {
	if f.workflow != nil && f.workflow.Name != "" {
		return f.workflow.Name
	}
	return f.path
}

// files keeps parsed files by object name and path.
type files struct {
	mu    sync.Mutex
	known map[fileKey]*file
	order []fileKey
}

type fileKey struct{ sha, path string }

func newFiles() *files { return &files{known: make(map[fileKey]*file)} }

func (c *files) get(k fileKey) *file {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known[k]
}

func (c *files) put(k fileKey, f *file) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known[k] == nil {
		c.order = append(c.order, k)
	}
	c.known[k] = f
	if len(c.order) > maxFiles {
		delete(c.known, c.order[0])
		c.order = c.order[1:]
	}
}

// at lists the workflow files of a commit in the order of their names. A
// commit without any has none.
func (t *Trigger) at(ctx context.Context, v *gitrepo.View, commit string) ([]*file, error) {
	entries, err := v.ReadDir(ctx, commit, workflowDir)
	if actions.KindOf(err) == actions.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []*file
	for _, e := range entries {
		if ext := path.Ext(e.Name); !e.IsRegular() || ext != ".yml" && ext != ".yaml" {
			continue
		}
		f, err := t.read(ctx, v, commit, e)
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, nil
}

// one reads a single workflow file of a commit.
func (t *Trigger) one(ctx context.Context, v *gitrepo.View, commit, name string) (*file, error) {
	entries, err := v.ReadDir(ctx, commit, workflowDir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.IsRegular() && workflowDir+"/"+e.Name == name {
			return t.read(ctx, v, commit, e)
		}
	}
	return nil, actions.Errorf(actions.NotFound, "no workflow file %s", name)
}

func (t *Trigger) read(ctx context.Context, v *gitrepo.View, commit string, e gitrepo.Entry) (*file, error) {
	key := fileKey{e.SHA, workflowDir + "/" + e.Name}
	if f := t.files.get(key); f != nil {
		return f, nil
	}
	f := &file{path: key.path}
	text, err := v.ReadFile(ctx, commit, key.path, maxFile)
	switch {
	case actions.KindOf(err) == actions.Invalid:
		f.problem = workflow.Errors{{Path: f.path, Pos: workflow.Pos{Line: 1, Col: 1}, Msg: "The workflow file is larger than 1 MiB"}}
	case err != nil:
		return nil, err
	default:
		f.text = text
		f.workflow, f.problem = workflow.Parse(f.path, text)
	}
	if strings.ToValidUTF8(f.path, "") != f.path {
		return nil, actions.Errorf(actions.Invalid, "the name of workflow file %q is not UTF-8", f.path)
	}
	t.files.put(key, f)
	return f, nil
}
