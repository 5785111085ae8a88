package store

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

func (q queries) createRunSource(ctx context.Context, s *actions.RunSource) error {
	hash := sha256.Sum256(s.Workflow)
	if _, err := db.Exec(ctx, q.ex, `insert into texts (hash, body) values ($1, $2) on conflict (hash) do nothing`, hash[:], notNil(s.Workflow)); err != nil {
		return fmt.Errorf("workflow text of run %d: %w", s.RunID, err)
	}
	_, err := db.Exec(ctx, q.ex, `insert into run_sources (run_id, payload, inputs, workflow) values ($1, $2, $3, $4)`,
		s.RunID, notNil(s.Payload), notNil(s.Inputs), hash[:])
	if err != nil {
		return fmt.Errorf("source of run %d: %w", s.RunID, err)
	}
	return nil
}

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
		return s, r.Scan(&s.RunID, &s.Payload, &s.Inputs, &s.Workflow)
	}
	s, err := db.One(ctx, q.ex, scan, `select s.run_id, s.payload, s.inputs, t.body
		from run_sources s join texts t on t.hash = s.workflow where s.run_id = $1`, runID)
	if err != nil {
		return nil, fmt.Errorf("source of run %d: %w", runID, err)
	}
	return s, nil
}
