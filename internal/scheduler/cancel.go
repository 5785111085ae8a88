package scheduler

import (
	"context"
	"fmt"
)

// Cancel asks a run to stop. Jobs whose condition still holds go on (CAN-1),
// running ones are told to cancel, the others are over at once. With force all
// are over at once, and their runners learn it (CAN-5). A run that is completed
// is a Conflict.
func (s *Scheduler) Cancel(ctx context.Context, runID int64, force bool) error {
	err := s.change(ctx, runID, func(_ context.Context, d *draft) error {
		err := d.attempt.Cancel(force, d.now)
		d.asked = d.asked || err == nil
		return err
	})
	if err != nil {
		return fmt.Errorf("cancel run %d: %w", runID, err)
	}
	s.log.InfoContext(ctx, "run cancelled", "run", runID, "force", force)
	return nil
}
