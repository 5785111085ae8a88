package gitrepo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A Service is what a git client wants to talk to.
type Service string

// The services of git's smart protocol.
const (
	UploadPack  Service = "upload-pack"  // clone and fetch
	ReceivePack Service = "receive-pack" // push
)

// Protocol reads the version out of a Git-Protocol header, 0 if there is none
// that we know. Nothing else of the header reaches git.
func Protocol(header string) int {
	version := 0
	for field := range strings.SplitSeq(header, ":") {
		switch field {
		case "version=1":
			version = max(version, 1)
		case "version=2":
			version = 2
		}
	}
	return version
}

func protocolEnv(version int) string { return fmt.Sprintf("GIT_PROTOCOL=version=%d", version) }

// Advertise writes what a service of the repository has to offer: refs, or in
// version 2 of upload-pack only abilities.
func (g *Git) Advertise(ctx context.Context, id int64, s Service, version int, w io.Writer) error {
	if s != UploadPack && s != ReceivePack {
		return actions.Errorf(actions.Forbidden, "%.50q is not a service", s)
	}
	if err := g.mustExist(id); err != nil {
		return err
	}
	abilities := s == UploadPack && version == 2 // the same for all repositories
	if text := g.advert.Load(); abilities && text != nil {
		_, err := w.Write(*text)
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, g.limits.Time)
	defer cancel()
	cmd := g.command(ctx, string(s), "--stateless-rpc", "--advertise-refs", g.dir(id))
	cmd.Env = append(cmd.Env, protocolEnv(version))
	var stdout bytes.Buffer
	var stderr tail
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("repository %d: git %s: %w: %s", id, s, err, stderr.String())
	}
	if text := stdout.Bytes(); abilities {
		g.advert.Store(&text)
	}
	_, err := w.Write(stdout.Bytes())
	return err
}

// UploadPack answers one request of a clone or fetch. What no ref of the
// repository reaches, nor a commit that known knows, is refused, to the client in git's
// own words. Who clones a
// repository without its default branch is told so, and who fetches from one that
// git cannot read as well.
func (g *Git) UploadPack(ctx context.Context, id int64, version int, request *FetchRequest, known Known, w io.Writer) error {
	if err := g.mustExist(id); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, g.limits.Time)
	defer cancel()
	hidden, err := g.View(id).hidden(ctx, request.wants, known)
	if err != nil {
		return err
	}
	if hidden != "" {
		_, err := w.Write(pktLine([]byte("ERR upload-pack: not our ref " + hidden)))
		return err
	}
	a := &answer{w: w}
	if version == 2 && len(request.wants) > 0 && !request.has {
		a.note = g.noteForClones(id)
	}
	cmd := g.command(ctx, "upload-pack", "--stateless-rpc", "--strict", g.dir(id))
	cmd.Env = append(cmd.Env, protocolEnv(version))
	var stderr tail
	cmd.Stdin, cmd.Stdout, cmd.Stderr = request.text.reader(), a, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		g.log.InfoContext(ctx, "fetch failed", "repo", id, "err", err, "git", stderr.String())
		if !a.begun { // else git has told the client
			_, err := w.Write(pktLine([]byte("ERR upload-pack: the server cannot read this repository; its log says why")))
			return err
		}
	}
	return nil
}
