package gitrepo

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

// ReceiveOptions say what happens around a push.
type ReceiveOptions struct {
	Version int // of the protocol: see Protocol

	// Check, which must not be nil, decides about updates whose refs stand at
	// Old; the view shows the new objects. Git may refuse some of them even
	// so, such as those whose objects are not all there. With nil the refs move next. With an
	// error none does, and the pusher reads why: a *Refusal says it in detail,
	// another error with its text, one of kind Internal not at all. Before it
	// returns nil, Check must have durably noted the updates, and what became of
	// those that an earlier Check noted and no Done has dealt with: [View.Applied]
	// tells it now, and nobody can tell it later.
	Check func(ctx context.Context, updates []actions.RefUpdate, view *View) error

	// Done learns after each nil of Check which updates were made, durably;
	// maybe none. The client hears of success when Done has returned. An error
	// is logged: what Check noted is then still to be dealt with.
	Done func(ctx context.Context, applied []actions.RefUpdate) error
}

// finishTime is what Check and Done may take when the client has gone.
const finishTime = time.Minute

// stopTime is what git gets to end by itself.
const stopTime = 5 * time.Second

// maxCommands bounds the list of updates at the head of a push.
const maxCommands = 8 << 20

// Receive answers one push: body is the client's request, w gets the answer.
// It reads all of body before it writes. A push that is refused is answered,
// and no error. When ctx ends before Check was asked, no ref moves; after
// that the push is seen through to its end.
func (g *Git) Receive(ctx context.Context, id int64, o ReceiveOptions, body io.Reader, w io.Writer) error {
	if err := g.mustExist(id); err != nil {
		return err
	}
	if info, err := os.Stat(g.hookFile()); err != nil || info.Mode()&0o100 == 0 {
		return fmt.Errorf("%s is gone, pushes would go unchecked", g.hookFile())
	}
	run, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.limits.Time)
	defer cancel()
	p := &push{git: g, id: id, options: o, ctx: run, abandoned: context.AfterFunc(ctx, cancel)}
	defer p.abandoned()
	if err := p.start(); err != nil {
		return fmt.Errorf("repository %d: push: %w", id, err)
	}
	defer p.unlock()
	sent := make(chan struct{})
	r := &report{w: w, sent: sent}
	var asked sync.WaitGroup
	asked.Go(p.answer)
	go p.feed(body, sent) // ends with body: the request, or the connection
	readErr := r.read(p.stdout)
	if readErr != nil {
		cancel()
	}
	exitErr := p.wait()
	asked.Wait()
	p.finish()
	if exitErr != nil || readErr != nil {
		g.log.InfoContext(ctx, "push failed", "repo", id, "err", errors.Join(exitErr, readErr), "git", p.stderr.String())
	}
	select {
	case <-sent:
	case <-ctx.Done():
		return ctx.Err()
	}
	return r.flush(p.reasons)
}

// A push is one running git receive-pack.
type push struct {
	git       *Git
	id        int64
	options   ReceiveOptions
	ctx       context.Context // ends later than the request's own
	abandoned func() bool     // stops listening to the request's end

	cmd      *exec.Cmd
	stdin    io.WriteCloser
	stdout   io.Reader
	stderr   tail
	proposal *os.File // from the hook
	verdict  *os.File // to the hook
	lockFile *os.File
	killer   *time.Timer // set by stop

	release  func()              // gives back the lock, once it is held
	accepted []actions.RefUpdate // what Check let through
	asked    bool                // Check returned nil
	reasons  map[string]string
}

// start runs git with two pipes for the hook and the file of the lock.
func (p *push) start() (err error) {
	var inherited [2]*os.File // the hook's ends: descriptors 3 and 4
	defer func() {
		for _, f := range inherited {
			_ = f.Close()
		}
		if err != nil {
			for _, f := range []*os.File{p.proposal, p.verdict} {
				_ = f.Close()
			}
		}
	}()
	if p.proposal, inherited[0], err = os.Pipe(); err != nil {
		return err
	}
	if inherited[1], p.verdict, err = os.Pipe(); err != nil {
		return err
	}
	if p.lockFile, err = p.git.openLock(p.id); err != nil {
		return err
	}
	p.cmd = p.git.command(p.ctx, "receive-pack", "--stateless-rpc", p.git.dir(p.id))
	p.cmd.Env = append(p.cmd.Env, protocolEnv(p.options.Version))
	p.cmd.Cancel, p.cmd.WaitDelay = p.stop, 2*stopTime
	p.cmd.ExtraFiles = []*os.File{inherited[0], inherited[1], p.lockFile}
	p.cmd.Stderr = &p.stderr
	if p.stdin, err = p.cmd.StdinPipe(); err == nil {
		p.stdout, err = p.cmd.StdoutPipe()
	}
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		return errors.Join(err, p.lockFile.Close())
	}
	limitMemory(p.cmd.Process.Pid, p.git.limits.MemoryBytes) // git has read nothing yet
	return nil
}

// stop makes git end because its input does, which lets it clean up. Only if
// that takes long is it killed.
func (p *push) stop() error {
	group := -p.cmd.Process.Pid
	p.killer = time.AfterFunc(stopTime, func() { _ = syscall.Kill(group, syscall.SIGTERM) })
	return errors.Join(ignoreClosed(p.stdin.Close()), ignoreClosed(p.verdict.Close()))
}

func ignoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

// wait waits for git to end.
func (p *push) wait() error {
	err := p.cmd.Wait()
	if p.killer != nil {
		p.killer.Stop()
	}
	if p.cmd.ProcessState.ExitCode() < 0 { // killed by a signal
		p.git.sweepQuarantines(p.id)
	}
	return err
}

// unlock gives back what the push still holds.
func (p *push) unlock() {
	if p.release != nil {
		p.release()
	}
	_ = p.lockFile.Close()
}

// feed gives the request to git. When git has ended early, some more is read,
// so that the client gets to hear why.
func (p *push) feed(body io.Reader, sent chan<- struct{}) {
	defer close(sent)
	in := bufio.NewReaderSize(body, 64<<10)
	err := p.feedCommands(in)
	if err == nil {
		_, err = io.Copy(p.stdin, in)
	}
	_ = p.stdin.Close()
	if err != nil {
		_, _ = io.CopyN(io.Discard, in, 64<<20)
	}
}

// feedCommands gives git the list of updates, which git keeps in memory. The
// pack that follows is bounded by git's configuration.
func (p *push) feedCommands(in *bufio.Reader) error {
	for size := 0; size <= maxCommands; {
		pkt, err := readPacket(in)
		if err != nil {
			return err
		}
		if bytes.Contains(bytes.TrimSuffix(pkt, []byte("\n")), []byte("\n")) {
			return errors.New("update on more than one line") // the hook gets lines
		}
		if _, err := p.stdin.Write(pkt); err != nil {
			return err
		}
		if bytes.Equal(pkt, flushPacket) {
			return nil
		}
		size += len(pkt)
	}
	return fmt.Errorf("more than %d bytes of updates", maxCommands)
}

// answer waits for the hook, has the updates checked, and answers.
func (p *push) answer() {
	defer p.proposal.Close()
	defer p.verdict.Close()
	quarantine, updates, err := readProposal(p.proposal, p.git.limits.Updates)
	if errors.Is(err, errNotAsked) {
		return
	}
	if err == nil {
		err = p.decide(quarantine, updates)
	}
	refusal := p.refusal(err)
	if refusal != nil {
		p.reasons = refusal.Reasons
	}
	if err := writeAnswer(p.verdict, refusal); err != nil {
		p.git.log.WarnContext(p.ctx, "hook did not take the answer", "repo", p.id, "err", err)
	}
}

// decide takes the lock and asks Check.
func (p *push) decide(quarantine string, updates []actions.RefUpdate) error {
	if err := p.checkNames(updates); err != nil {
		return err
	}
	view, err := p.view(quarantine)
	if err != nil {
		return err
	}
	defer view.close()
	if err := p.checkSize(quarantine); err != nil {
		return err
	}
	unlock, err := p.git.lock(p.ctx, p.id, p.lockFile)
	if err != nil {
		return err
	}
	p.release = unlock
	if !p.abandoned() {
		return &Refusal{Message: "error: the client went away"}
	}
	possible, err := view.possible(updates)
	if err != nil {
		return err
	}
	if len(possible) == 0 {
		return nil // git says itself what is wrong with each
	}
	if err := p.options.Check(p.ctx, possible, view); err != nil {
		return err
	}
	p.accepted, p.asked = possible, true
	return nil
}

// checkNames refuses the push if a ref has a name that we do not keep.
func (p *push) checkNames(updates []actions.RefUpdate) error {
	reasons, seen := map[string]string{}, map[string]bool{}
	for _, u := range updates {
		if err := CheckRef(u.Ref); err != nil {
			reasons[u.Ref] = err.Error()
		}
		if seen[u.Ref] {
			reasons[u.Ref] = "named twice in one push"
		}
		seen[u.Ref] = true
	}
	if len(reasons) > 0 {
		return &Refusal{Reasons: reasons}
	}
	return nil
}

// view makes the view of the quarantine, whose path the hook sent. A push
// that only deletes has none.
func (p *push) view(quarantine string) (*View, error) {
	v := p.git.View(p.id)
	if quarantine == "" {
		return v, nil
	}
	v.quarantine = filepath.Join(p.git.dir(p.id), "objects", filepath.Base(quarantine))
	if info, err := os.Stat(v.quarantine); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("quarantine %q is not in the repository", quarantine)
	}
	return v, nil
}

// checkSize holds the repository to its quota.
func (p *push) checkSize(quarantine string) error {
	if quarantine == "" {
		return nil
	}
	objects := filepath.Join(p.git.dir(p.id), "objects")
	size, err := packSize(filepath.Join(objects, "pack"), filepath.Join(objects, filepath.Base(quarantine), "pack"))
	if err != nil {
		return err
	}
	if size > p.git.limits.RepoBytes {
		return &Refusal{Message: fmt.Sprintf("error: repository would be larger than %d bytes", p.git.limits.RepoBytes)}
	}
	return nil
}

// packSize is how many bytes the packs in directories have.
func packSize(dirs ...string) (size int64, err error) {
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if ignoreMissing(err) != nil {
			return 0, err
		}
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), "pack-") {
				continue // what Maintain puts together counts once
			}
			if info, err := e.Info(); err == nil {
				size += info.Size()
			}
		}
	}
	return size, nil
}

// refusal is what the pusher gets to read about err.
func (p *push) refusal(err error) *Refusal {
	if err == nil {
		return nil
	}
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r
	}
	if actions.KindOf(err) == actions.Internal {
		p.git.log.ErrorContext(p.ctx, "push not checked", "repo", p.id, "err", err)
		return &Refusal{Message: "error: Internal Server Error"}
	}
	return &Refusal{Message: "error: " + err.Error()}
}

// finish finds out what git has done and tells Done, before the lock goes.
func (p *push) finish() {
	if !p.asked {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), finishTime)
	defer cancel()
	applied, err := p.git.View(p.id).Applied(p.accepted)
	if err == nil && p.options.Done != nil {
		err = p.options.Done(ctx, applied)
	}
	if err != nil {
		p.git.log.ErrorContext(ctx, "push not recorded; left for later", "repo", p.id,
			"refs", refNames(p.accepted), "err", err)
	}
}

func refNames(updates []actions.RefUpdate) string {
	names := make([]string, 0, min(len(updates), 10))
	for _, u := range updates[:min(len(updates), 10)] {
		names = append(names, u.Ref)
	}
	return strings.Join(names, " ")
}
