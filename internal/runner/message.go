package runner

import (
	"maps"
	"regexp"
	"slices"

	"github.com/understudy-ci/understudy/internal/wire"
)

// forSteps is a job message as the job's worker gets it: with the token for steps in
// place of that by which the runner reports, if the server gave one. Nothing that the
// worker starts can end the job or write its log then. A step that finds the
// runner's token all the same, as it can without isolation, cannot print it.
func forSteps(m *wire.JobMessage) *wire.JobMessage {
	c := m.Connection()
	narrow := c.StepsToken()
	if narrow == "" {
		return m
	}
	own := *m
	own.Mask = append(slices.Clip(m.Mask), wire.MaskHint{Type: wire.MaskRegexp, Value: regexp.QuoteMeta(c.Token())})
	own.Resources.Endpoints = slices.Clone(m.Resources.Endpoints)
	at := own.Connection()
	at.Authorization.Parameters = maps.Clone(c.Authorization.Parameters)
	at.Authorization.Parameters[wire.AccessToken] = narrow
	return &own
}
