package workflow

import (
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

// jobs reads all jobs and the graph they make.
func (r *reader) jobs(t *Token) []*Job {
	var jobs []*Job
	for key, value := range r.pairs(t) {
		j := &Job{ID: key.Str, Pos: key.Pos, IfPos: key.Pos}
		if msg := checkID(key.Str); msg != "" {
			r.errorf(key.Pos, "%s", msg)
		}
		r.job(value, j)
		jobs = append(jobs, j)
	}
	if t.Kind == Mapping {
		r.graph(t, jobs)
	}
	return jobs
}

func (r *reader) job(t *Token, j *Job) {
	fields := r.jobFields(j)
	called := t.Get("uses") != nil
	if called {
		fields = append(fields, r.callFields(j)...)
	} else {
		fields = append(fields, r.stepsFields(j)...)
	}
	r.object(t, fields...)
	if j.If == nil { // absent
		j.If, _ = r.condition(nil, jobIfScope())
	}
	if t.Kind == Mapping && !called && len(j.Steps) == 0 && len(r.errs) == 0 {
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
		optional("strategy", func(v *Token) { j.Strategy = strategyShape()(r, v, scope(needsContexts, "")) }),
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
		set("container", &j.Container, container(), strategy),
		set("services", &j.Services, services(), strategy),
		set("env", &j.Env, mapOf(text), scope(strategyContexts+" secrets", "")),
		set("environment", &j.Environment, environment(), strategy),
		set("outputs", &j.Outputs, mapOf(text), jobScope()),
		set("defaults", &j.Defaults, defaults(), scope(strategyContexts+" env", "")),
		optional("steps", func(v *Token) { j.Steps = r.steps(v, workflowSteps()) }),
		// An image of the runner is made by GitHub's own fleet only.
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
		if r.literal(t) != "inherit" {
			r.unexpected(t)
		}
		return t
	}
	return mapOf(scalar)(r, t, scope(strategyContexts+" secrets", ""))
}

// strategyShape is {matrix, fail-fast, max-parallel} (MAT-1, MAT-3).
func strategyShape() shape {
	entries := list(mapOf(anything))
	return record(
		prop("fail-fast", boolean),
		prop("max-parallel", number),
		prop("matrix", mapping(list(anything), []property{prop("include", entries), prop("exclude", entries)})),
	)
}

// maxLabels is how many labels a runner can have; no runner has more of those
// that a job asks for.
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
	return either(nonEmpty, several, record(prop("group", nonEmpty), prop("labels", labels)))
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
		prop("image", nonEmpty),
		prop("options", text),
		prop("env", in(environment, mapOf(text))),
		prop("ports", list(nonEmpty)),
		prop("volumes", list(nonEmpty)),
		prop("credentials", in(credentials, record(prop("username", nonEmpty), prop("password", nonEmpty)))),
	}
}

func container() shape { return either(text, nil, record(containerProps()...)) }

func services() shape {
	props := append(containerProps(), prop("entrypoint", text), prop("command", text))
	return mapOf(either(nonEmpty, nil, record(props...)))
}
