package worker

import (
	"path/filepath"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/wire"
)

// A hook is a script that the operator of the runner has run before or after the
// steps of each job. A variable of the environment that the runner hands to jobs names
// its file. It is a step of the job: it may set variables and paths for the others,
// and the job fails with it.
type hook struct {
	variable string
	called   string
	step     string
}

func jobStarted() hook {
	return hook{"ACTIONS_RUNNER_HOOK_JOB_STARTED", "job started hook", "Set up runner"}
}

func jobCompleted() hook {
	return hook{"ACTIONS_RUNNER_HOOK_JOB_COMPLETED", "job completed hook", "Complete runner"}
}

// hookStep is a step that runs the hook, nil if the environment names none.
func (r *running) hookStep(h hook) *step {
	file := hostVariable(r.Host, h.variable)
	if file == "" {
		return nil
	}
	return &step{key: uuid.NewString(), display: h.step, hook: &scriptFile{file: file, called: h.called}}
}

// withHooks puts the hooks around the steps of the job.
func (r *running) withHooks(plan func() []try) []try {
	var tries []try
	if s := r.hookStep(jobStarted()); s != nil {
		tries = append(tries, try{r.steps.scope, s, preStage, nil, r.steps.records.next(s.key, s.display), r.kill})
	}
	for _, s := range r.preparations() {
		tries = append(tries, try{r.steps.scope, s, preStage, success(), r.steps.records.next(s.key, s.display), r.kill})
	}
	tries = append(tries, plan()...)
	if s := r.hookStep(jobCompleted()); s != nil {
		r.steps.addPost(&post{step: s}, s.display)
	}
	return tries
}

// preparations are the steps that come before those of the workflow: they fetch images and
// start containers.
func (r *running) preparations() []*step {
	var list []*step
	if r.containerHooks() == "" { // they fetch images as they need them
		list = r.imageSteps()
	}
	if len(r.containers.list) > 0 {
		list = append(list, r.ownStep("Initialize containers", (*execution).initialize))
	}
	return list
}

// success is the condition of steps that need all before them to be well.
func success() *expr.Expr {
	e, _ := expr.Parse("success()", nil) // it is one
	return e
}

// ownStep is a step of the runner's own.
func (r *running) ownStep(name string, act func(*execution) error) *step {
	return &step{key: uuid.NewString(), display: name, shown: name, own: act}
}

// A scriptFile is what a hook runs.
type scriptFile struct{ file, called string }

// runHook runs a hook. It has the variables of the runner and those that the runner
// tells every step, not those of the workflow.
func (x *execution) runHook(h *scriptFile) error {
	if now := x.job.Host; now != x.job.outside { // the file is on this machine
		x.job.useHost(x.job.outside)
		defer x.job.useHost(now)
	}
	x.record.addInfo(wire.StepRunner, "", "")
	x.record.print("A " + h.called + " has been configured by the self-hosted runner administrator")
	if !isFile(h.file) {
		return problemf("File doesn't exist")
	}
	option, err := x.shellOf(h.file)
	if err != nil {
		return err
	}
	x.env = expr.NewCaseSensitiveObject()
	x.github = clone(x.github).Set("action_repository", "").Set("action_ref", "")
	if err := x.openFiles(); err != nil {
		return err
	}
	sh, err := x.showHook(h.file, option)
	if err != nil {
		return err
	}
	return x.runShell(sh, h.file, x.job.Host.Inside(x.job.workspace))
}

// showHook says what is run, and by what.
func (x *execution) showHook(file, option string) (shell, error) {
	x.record.print("##[group]Run '" + file + "'")
	sh, err := shellFor(option, x.job.look)
	if err == nil {
		x.record.print("shell: "+sh.path+" "+sh.format, "##[endgroup]")
	}
	return sh, err
}

// shellOf is how the file of a hook is run, by the end of its name.
func (x *execution) shellOf(file string) (option string, err error) {
	switch filepath.Ext(file) {
	case ".sh":
		if _, ok := x.job.look("bash"); ok {
			return "bash", nil
		}
		return "sh", nil
	case ".ps1":
		if _, ok := x.job.look("pwsh"); ok {
			return "pwsh", nil
		}
		return "powershell", nil
	case ".js":
		return "node {0}", nil
	}
	return "", problemf("%s is not a valid path to a script. Make sure it ends in '.sh', '.ps1' or '.js'.", file)
}
