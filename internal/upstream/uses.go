package upstream

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/workflow"
)

const maxWorkflowFile = 1 << 20 // bytes

// errReusable says why a reusable workflow is not brought in.
var errReusable = actions.Errorf(actions.Invalid, "a reusable workflow of another repository: they cannot be brought in yet")

// UsesOf lists what workflow files use of other repositories: they themselves, and the
// actions and reusable workflows beside them that they name by "./". What could not be
// read is in the list, with its error.
func UsesOf(files []string) []Mirrored {
	l := &useList{seen: make(map[string]bool)}
	for _, file := range files {
		l.workflow(file, rootOf(file))
	}
	return l.uses
}

// A useList collects uses of files.
type useList struct {
	seen map[string]bool // files that were read
	uses []Mirrored
}

// rootOf is the directory of the repository that a workflow file belongs to; empty where
// it is in no .github/workflows.
func rootOf(file string) string {
	at, err := filepath.Abs(file)
	if err != nil {
		return ""
	}
	dir := filepath.Dir(at)
	if filepath.Base(dir) != "workflows" || filepath.Base(filepath.Dir(dir)) != ".github" {
		return ""
	}
	return filepath.Dir(filepath.Dir(dir))
}

func (l *useList) failed(use, by string, err error) {
	l.uses = append(l.uses, Mirrored{Use: use, By: by, Err: err})
}

// first says whether a file was not read before.
func (l *useList) first(file string) bool {
	if l.seen[file] {
		return false
	}
	l.seen[file] = true
	return true
}

func (l *useList) workflow(file, root string) {
	if !l.first(file) {
		return
	}
	src, err := readFile(file, maxWorkflowFile)
	if err != nil {
		l.failed(file, file, err)
		return
	}
	w, err := workflow.Parse(file, src)
	if err != nil {
		l.failed(file, file, err)
		return
	}
	for _, j := range w.Jobs {
		switch {
		case j.Uses == "":
		case strings.HasPrefix(j.Uses, "./") && root != "":
			l.workflow(filepath.Join(root, filepath.FromSlash(j.Uses)), root)
		default:
			l.failed(j.Uses, file, errReusable)
		}
		l.steps(j.Steps, file, root)
	}
}

func (l *useList) steps(steps []*workflow.Step, by, root string) {
	for _, st := range steps {
		switch {
		case st.Action == nil:
		case st.Action.Kind == workflow.Local || st.Action.Kind == workflow.SelfRepository:
			l.local(st, by, root)
		default:
			l.uses = append(l.uses, Mirrored{Use: st.Uses, By: by})
		}
	}
}

// local adds what an action of the repository itself uses.
func (l *useList) local(st *workflow.Step, by, root string) {
	if root == "" {
		l.failed(st.Uses, by, actions.Errorf(actions.Invalid, "the file is in no .github/workflows, so nobody knows what this is"))
		return
	}
	dir := filepath.Join(root, filepath.FromSlash(st.Action.Path))
	if !l.first(dir) {
		return
	}
	for _, name := range []string{"action.yml", "action.yaml"} {
		file := filepath.Join(dir, name)
		src, err := readFile(file, maxActionFile)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			var a *workflow.Action
			if a, err = workflow.ParseAction(file, src); err == nil {
				l.steps(a.Runs.Steps, file, root)
				return
			}
		}
		l.failed(st.Uses, by, err)
		return
	}
	// It is made by a step that runs before, or by a Dockerfile: neither uses others.
}

func readFile(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	return b, err
}
