package store

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

func (q queries) createRunSource(ctx context.Context, s *actions.RunSource) error {
	workflow, err := q.createText(ctx, s.Workflow)
	payload, large := s.Payload, []byte(nil)
	if err == nil && len(payload) > largePayload {
		payload = nil
		large, err = q.createText(ctx, s.Payload)
	}
	if err == nil {
		_, err = db.Exec(ctx, q.ex, `insert into run_sources (run_id, payload, payload_text, inputs, workflow, base) values ($1, $2, $3, $4, $5, $6)`,
			s.RunID, notNil(payload), large, notNil(s.Inputs), workflow, s.Base)
	}
	if err != nil {
		return fmt.Errorf("source of run %d: %w", s.RunID, err)
	}
	return nil
}

// largePayload is from how many bytes on a payload is kept once for all runs of its
// event.
const largePayload = 256 << 10

// createText keeps a text, once however often it is kept, and returns its hash.
func (q queries) createText(ctx context.Context, text []byte) ([]byte, error) {
	hash := sha256.Sum256(text)
	_, err := db.Exec(ctx, q.ex, `insert into texts (hash, body) values ($1, $2) on conflict (hash) do nothing`, hash[:], notNil(text))
	return hash[:], err
}

// noRunHasText is true of a text that nothing was planned from.
const noRunHasText = `not exists (select 1 from run_sources s where s.workflow = texts.hash)
	and not exists (select 1 from run_sources s where s.payload_text = texts.hash)`

func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// RunSource returns what the run was planned from.
func (q queries) RunSource(ctx context.Context, runID int64) (*actions.RunSource, error) {
	scan := func(r db.Row) (*actions.RunSource, error) {
		s := new(actions.RunSource)
		return s, r.Scan(&s.RunID, &s.Payload, &s.Inputs, &s.Workflow, &s.Base)
	}
	s, err := db.One(ctx, q.ex, scan, `select s.run_id, coalesce(p.body, s.payload), s.inputs, t.body, s.base
		from run_sources s join texts t on t.hash = s.workflow left join texts p on p.hash = s.payload_text where s.run_id = $1`, runID)
	if err != nil {
		return nil, fmt.Errorf("source of run %d: %w", runID, err)
	}
	return s, nil
}
