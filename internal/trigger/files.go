package trigger

import (
	"context"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/workflow"
)

const (
	// The parser of GitHub takes 1 MiB (YAML-5); a larger file is a file error,
	// for which we need not read it to its end.
	maxFile = 1<<20 + 1

	// Workflow files of a commit that are looked at, and the length of their
	// names in bytes.
	maxWorkflows = 1000
	maxName      = 255

	// Bytes of the workflow files of a commit that are looked at.
	maxText = 16 << 20

	// Files that are kept parsed, and the bytes of their texts.
	maxFiles     = 2048
	maxFilesSize = 2 * maxText
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
		return actions.Clip(f.workflow.Name, maxTitle)
	}
	return f.path
}

// A fileKey is the object name and path of a file.
type fileKey struct{ sha, path string }

// at reads the workflow files of a commit in the order of their names: only the one
// with a path, unless that is empty.
func (t *Trigger) at(ctx context.Context, v *gitrepo.View, commit, only string) ([]*file, error) {
	entries, err := t.entries(ctx, v, commit)
	if err != nil {
		return nil, err
	}
	list := make([]*file, 0, len(entries))
	size := 0
	for _, e := range entries {
		if only != "" && pathOf(e) != only {
			continue
		}
		f, err := t.read(ctx, v, commit, e)
		if err != nil {
			return nil, err
		}
		if size += len(f.text); size > maxText {
			t.log.WarnContext(ctx, "workflow files too large together", "commit", commit, "files", len(entries), "read", len(list))
			break
		}
		list = append(list, f)
	}
	return list, nil
}

// entries lists the workflow files of a commit in the order of their names; a
// commit without any has none. What cannot be a workflow of ours must not keep
// the others from running: it is left out.
func (t *Trigger) entries(ctx context.Context, v *gitrepo.View, commit string) ([]gitrepo.Entry, error) {
	entries, err := v.ReadDir(ctx, commit, actions.WorkflowDir)
	switch actions.KindOf(err) {
	case "":
	case actions.NotFound:
		return nil, nil
	case actions.Invalid:
		t.log.WarnContext(ctx, "directory of workflows not read", "commit", commit, "err", err)
		return nil, nil
	default:
		return nil, err
	}
	entries = slices.DeleteFunc(entries, func(e gitrepo.Entry) bool { return !isWorkflow(e) })
	if len(entries) > maxWorkflows {
		t.log.WarnContext(ctx, "too many workflow files", "commit", commit, "files", len(entries), "read", maxWorkflows)
		entries = entries[:maxWorkflows]
	}
	return entries, nil
}

// isWorkflow says whether a file is one by its name, and no link.
func isWorkflow(e gitrepo.Entry) bool {
	ext := path.Ext(e.Name)
	return e.IsRegular() && (ext == ".yml" || ext == ".yaml") && len(e.Name) <= maxName &&
		utf8.ValidString(e.Name) && !strings.ContainsFunc(e.Name, unicode.IsControl)
}

func pathOf(e gitrepo.Entry) string { return actions.WorkflowPath(e.Name) }

func (t *Trigger) read(ctx context.Context, v *gitrepo.View, commit string, e gitrepo.Entry) (*file, error) {
	key := fileKey{e.SHA, pathOf(e)}
	if f, ok := t.files.Get(key); ok {
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
		done, err := t.pace.plan(ctx, v.ID())
		if err != nil {
			return nil, err
		}
		f.workflow, f.problem = workflow.Parse(f.path, text)
		done()
	}
	t.files.Put(key, f, len(f.text))
	return f, nil
}
