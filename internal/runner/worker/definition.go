package worker

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/understudy-ci/understudy/internal/wire"
	"github.com/understudy-ci/understudy/internal/wire/convert"
	"github.com/understudy-ci/understudy/internal/workflow"
)

const maxActionFile = 1 << 20

// A definition is an action on this machine: its metadata and where it is.
type definition struct {
	*workflow.Action
	dir   string         // of the action
	local bool           // in the workspace
	home  wire.Reference // the repository and commit that $/path stands for in it
}

// loadDefinition reads the metadata of the action in a directory. Messages show
// the directory as shown.
func loadDefinition(dir, shown string, local bool) (*definition, error) {
	for _, name := range []string{"action.yml", "action.yaml"} {
		file := filepath.Join(dir, name)
		src, err := readRegular(file, maxActionFile)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		action, err := workflow.ParseAction(shown+"/"+name, src)
		if err != nil {
			return nil, err
		}
		return &definition{Action: action, dir: dir, local: local}, nil
	}
	if _, err := readRegular(filepath.Join(dir, "Dockerfile"), maxActionFile); err == nil {
		return &definition{Action: &workflow.Action{Runs: workflow.ActionRuns{Using: "docker"}}, dir: dir, local: local}, nil
	}
	if !local {
		return nil, errNoAction
	}
	return nil, problemf("Can't find 'action.yml', 'action.yaml' or 'Dockerfile' under '%s'. Did you forget to run actions/checkout before running your local action?", filepath.Clean(dir))
}

// errNoAction says that there is no action where a reference says.
const errNoAction = problem("no action there")

func (d *definition) composite() bool { return d.Runs.Using == "composite" }
func (d *definition) node() bool      { return strings.HasPrefix(d.Runs.Using, "node") }

// innerSteps are the steps of a composite action, as used by the step key.
func (d *definition) innerSteps(key string) []*step {
	steps := make([]*step, 0, len(d.Runs.Steps))
	for _, s := range d.Runs.Steps {
		st := &step{
			key: key + "/" + s.ID, contextName: s.ID, parent: key, file: d.Path,
			name: s.Name, cond: s.If, env: s.Env, inputs: s.With, mayFail: s.ContinueOnError,
			ref: at(convert.Reference(s.Action), d.home),
		}
		if s.Action == nil {
			st.inputs = scriptInputs(s)
		}
		steps = append(steps, st)
	}
	return steps
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
	return ref.Type == wire.RefRepository && ref.RepositoryType != wire.RepoSelf
}

// at is a reference with $/path, the repository of the file that holds it,
// replaced by that repository and commit. What steps have changed in
// the workspace does not count there.
func at(ref, home wire.Reference) wire.Reference {
	if ref.RepositoryType == wire.RepoHome {
		ref.RepositoryType, ref.Name, ref.Ref = wire.RepoGitHub, home.Name, home.Ref
	}
	return ref
}
