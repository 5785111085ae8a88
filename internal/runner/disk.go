package runner

import (
	"context"
	"time"
)

const (
	// A job needs some of the disk before its first step: directories, actions,
	// what the server has not taken yet. On a full one it could only fail.
	leastFree = 64 << 20

	roomLog = time.Minute // between warnings that there is no room
)

// room says whether the disk has room for a job, and how many bytes are free. Where
// that cannot be told there is.
func (r *Runner) room() (free int64, ok bool) {
	free, err := r.cfg.Free(r.cfg.Root)
	return free, err != nil || free >= leastFree
}

// waitForRoom waits until the disk has room for a job. Meanwhile the runner has no
// session: its server shows it offline, and gives its jobs to others.
func (l *listener) waitForRoom(ctx context.Context) error {
	if l.job != nil {
		return nil
	}
	free, ok := l.room()
	if ok {
		return nil
	}
	l.closeSession(ctx)
	l.session = ""
	for warned := (time.Time{}); !ok; free, ok = l.room() {
		if now := l.cfg.Now(); now.Sub(warned) >= roomLog {
			warned = now
			l.cfg.Log.WarnContext(ctx, "the disk is full: this runner is offline until there is room for a job",
				"directory", l.cfg.Root, "free", free, "needed", leastFree)
		}
		if err := sleep(ctx, l.timing.roomLook); err != nil {
			return err
		}
		if err := l.orphaned(); err != nil {
			return err
		}
	}
	l.cfg.Log.InfoContext(ctx, "there is room for a job again", "free", free)
	session, err := l.openSession(ctx)
	if err != nil {
		return err
	}
	l.session = session
	return nil
}
