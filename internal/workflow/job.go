package workflow

import (
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/expr"
)

// A Job is an entry of jobs. It either has steps or calls a reusable workflow.
type Job struct {
	ID    string
	Pos   Pos      // of the id
	Name  *Token   // nil: the id
	Needs []string // ids as written at those jobs; direct needs, each once

	If       *expr.Expr // the effective condition, never nil (IF-1)
	IfSource string     // as in the file, empty if absent
	IfPos    Pos        // of the condition; of the id if absent

	// Strategy is a mapping {matrix, fail-fast, max-parallel}, an expression
	// that gives one, or nil.
	Strategy *Token

	RunsOn               *Token       // string, sequence, mapping {group, labels}, or an expression that gives one
	Env                  *Token       // mapping, or nil
	Defaults             *Token       // mapping {run: {shell, working-directory}}, or nil
	Outputs              *Token       // mapping, or nil
	TimeoutMinutes       *Token       // nil: 360
	CancelTimeoutMinutes *Token       // nil: 5
	ContinueOnError      *Token       // nil: false
	Concurrency          *Token       // string or mapping {group, cancel-in-progress, queue}, or nil
	Environment          *Token       // string or mapping {name, url, deployment}, or nil
	Container            *Token       // string or mapping, or nil
	Services             *Token       // mapping of containers, or nil
	Permissions          *Permissions // nil: those of the workflow
	CacheMode            string       // as in [Workflow]; empty for that of the workflow
	Steps                []*Step      // none when Uses is set

	Uses    string // reference to a reusable workflow (REU-1), or empty
	With    *Token // mapping of inputs for it, or nil
	Secrets *Token // mapping, the string "inherit", or nil

	needs []*Token // as in the file
}

// EnvironmentName is what names the environment that the job deploys to, nil for none.
// The address that an environment may have, too, is the runner's to evaluate.
func (j *Job) EnvironmentName() *Token {
	if t := j.Environment; t == nil || t.Kind != Mapping {
		return t
	}
	return j.Environment.Get("name")
}

// jobs reads all jobs and the graph they make.
func (r *reader) jobs(t *Token) []*Job {
	var jobs []*Job
	for key, value := range r.pairs(t) {
		j := &Job{ID: key.Str, Pos: key.Pos, IfPos: key.Pos}
		if msg := checkID(key.Str, false); msg != "" {
			r.errorf(key.Pos, "%s", msg)
		}
		r.job(value, j)
		jobs = append(jobs, j)
	}
	if len(r.errs) == 0 {
		r.graph(t, jobs)
	}
	return jobs
}

func (r *reader) job(t *Token, j *Job) {
	r.variant(t, r.jobFields(j), r.stepsFields(j), r.callFields(j))
	if j.If == nil { // absent
		j.If, _ = r.condition(nil, jobIfScope())
	}
	if j.Uses == "" && len(j.Steps) == 0 && len(r.errs) == 0 {
		r.errorf(j.Pos, "No steps defined in `steps` and no workflow called in `uses` for the following jobs: %s", j.ID)
	}
}

// jobFields are the keys of every job.
func (r *reader) jobFields(j *Job) []field {
	strategy := strategyScope()
	return []field{
		optional("name", func(v *Token) { j.Name = text(r, v, strategy) }),
		optional("needs", func(v *Token) { j.needs = r.needs(v) }),
		optional("if", func(v *Token) {
			j.IfPos = v.Pos
			j.If, j.IfSource = r.condition(v, jobIfScope())
		}),
		optional("permissions", func(v *Token) { j.Permissions = r.permissions(v) }),
		optional("cache-mode", func(v *Token) { j.CacheMode = r.cacheMode(v) }),
		optional("concurrency", func(v *Token) { j.Concurrency = r.concurrency(v, strategy) }),
		optional("strategy", func(v *Token) { j.Strategy = r.strategy(v) }),
	}
}

// callFields are the further keys of a job that calls a workflow.
func (r *reader) callFields(j *Job) []field {
	return []field{
		required("uses", func(v *Token) { j.Uses = r.workflowRef(v) }),
		optional("with", func(v *Token) { j.With = mapOf(scalar)(r, v, strategyScope()) }),
		optional("secrets", func(v *Token) { j.Secrets = r.secrets(v) }),
	}
}

// stepsFields are the further keys of a job that has steps.
func (r *reader) stepsFields(j *Job) []field {
	strategy := strategyScope()
	set := func(name string, dst **Token, s shape, sc *expr.Scope) field {
		return optional(name, func(v *Token) { *dst = s(r, v, sc) })
	}
	return []field{
		required("runs-on", func(v *Token) { j.RunsOn = runsOn()(r, v, strategy) }),
		set("timeout-minutes", &j.TimeoutMinutes, number, strategy),
		set("cancel-timeout-minutes", &j.CancelTimeoutMinutes, number, strategy),
		set("continue-on-error", &j.ContinueOnError, boolean, strategy),
		set("container", &j.Container, container, strategy),
		set("services", &j.Services, services, strategy),
		set("env", &j.Env, mapOf(text), scope(strategyContexts+" secrets", "")),
		set("environment", &j.Environment, environment(), strategy),
		set("outputs", &j.Outputs, mapOf(text), jobScope()),
		set("defaults", &j.Defaults, defaults(), scope(strategyContexts+" env", "")),
		optional("steps", func(v *Token) { j.Steps = r.steps(v, workflowSteps()) }),
		// Only runners that GitHub hosts make images of themselves.
		optional("snapshot", func(v *Token) { either(nonEmpty, nil, mapOf(text))(r, v, strategy) }),
	}
}

func jobIfScope() *expr.Scope {
	sc := scope(needsContexts, statusFunctions)
	sc.JobIDs = true // IF-3
	return sc
}

// needs reads one id or a sequence of ids.
func (r *reader) needs(t *Token) []*Token {
	items := t.Items
	if t.Kind != Sequence {
		items = []*Token{t}
	}
	list := make([]*Token, 0, len(items))
	for _, item := range items {
		if r.name(item) != "" {
			list = append(list, item)
		}
	}
	return list
}

// secrets is "inherit" or a mapping (REU-3).
func (r *reader) secrets(t *Token) *Token {
	if t.Kind != Mapping {
		r.constant(t, "inherit")
		return t
	}
	return mapOf(scalar)(r, t, scope(strategyContexts+" secrets", ""))
}

// maxLabels is how many labels a runner can have: no runner could take a job that
// asks for more.
const maxLabels = 100

// runsOn is a label, labels, or {group, labels}.
func runsOn() shape {
	several := func(r *reader, t *Token, sc *expr.Scope) *Token {
		if t.Kind == Sequence && len(t.Items) > maxLabels {
			r.errorf(t.Pos, "'runs-on' has %d labels; at most %d are allowed", len(t.Items), maxLabels)
			return t
		}
		return list(nonEmpty)(r, t, sc)
	}
	labels := either(nonEmpty, several, nil)
	return either(nonEmpty, several, record(prop("group", group), prop("labels", labels)))
}

// group is the name of a runner group.
func group(r *reader, t *Token, sc *expr.Scope) *Token {
	v := nonEmpty(r, t, sc)
	if v.Kind == String && v.Str != "" {
		if err := actions.CheckGroupName(v.Str); err != nil {
			r.errorf(v.Pos, "%v", err)
		}
	}
	return v
}

func environment() shape {
	return either(text, nil, record(
		need("name", text),
		prop("url", in(scope(stepContexts, ""), text)),
		prop("deployment", boolean),
	))
}

// containerProps are the keys of job and service containers (RUN-10).
func containerProps() []property {
	credentials := scope(strategyContexts+" env secrets", "")
	environment := scope(runnerContexts+" secrets", "")
	return []property{
		prop("image", text),
		prop("options", text),
		prop("env", in(environment, mapOf(text))),
		prop("ports", list(nonEmpty)),
		prop("volumes", list(nonEmpty)),
		prop("credentials", in(credentials, record(prop("username", nonEmpty), prop("password", nonEmpty)))),
	}
}

// container reads the container of a job: an image, or a mapping with one. A job
// whose image is empty has no container (RUN-10).
func container(r *reader, t *Token, sc *expr.Scope) *Token {
	v := either(text, nil, record(containerProps()...))(r, t, sc)
	if !v.computed() && strings.HasPrefix(imageOf(v), dockerScheme) {
		r.image(v)
	}
	return v
}

// services reads the service containers of a job. Each has an image, which only an
// expression may leave empty (RUN-10).
func services(r *reader, t *Token, sc *expr.Scope) *Token {
	before := r.found
	v := mapOf(either(text, nil, record(append(containerProps(), prop("entrypoint", text), prop("command", text))...)))(r, t, sc)
	if r.found > before || v.computed() {
		return v
	}
	for _, p := range v.Pairs {
		r.image(p.Value)
	}
	return v
}

const dockerScheme = "docker://"

// image refuses a container without an image.
func (r *reader) image(t *Token) {
	if strings.TrimPrefix(imageOf(t), dockerScheme) == "" {
		r.errorf(t.Pos, "Container image cannot be empty")
	}
}

// imageOf is the image of a container, given alone or in a mapping.
func imageOf(t *Token) string {
	if t.Kind != Mapping {
		return t.Text()
	}
	if image := t.Get("image"); image != nil {
		return image.Text()
	}
	return ""
}
