package event

import "github.com/understudy-ci/understudy/internal/shape"

// A Schedule is what only a schedule has: the line that is due.
type Schedule struct{ Cron, Timezone string }

// A schedulePayload is github.event of a schedule (TRG-3).
type schedulePayload struct {
	Schedule     string                    `json:"schedule"`
	Workflow     string                    `json:"workflow"`
	Repository   *shape.Repository         `json:"repository"`
	Organization *shape.OrganizationSimple `json:"organization,omitempty"`
	Sender       *shape.SimpleUser         `json:"sender"`
}

func newSchedule(e *Event) any {
	return &schedulePayload{
		Schedule: e.Schedule.Cron, Workflow: e.Workflow,
		Repository: shape.NewRepository(e.Base, e.Repo), Organization: organization(e), Sender: shape.NewSimpleUser(e.Base, e.Actor),
	}
}
