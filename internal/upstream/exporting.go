package upstream

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
)

// An export is a tar: first the manifest, then the objects of each of its actions, as git
// packs them, in the same order.
const (
	manifestName    = "understudy-actions.json"
	manifestVersion = 1
	maxManifest     = 64 << 20
)

type manifest struct {
	Version int           `json:"version"`
	Actions []exportedOne `json:"actions"`
}

type exportedOne struct {
	Name   string               `json:"name"`
	SHA    string               `json:"sha"`
	Origin actions.ActionOrigin `json:"origin"`
	Host   string               `json:"host,omitempty"`
	Refs   []string             `json:"refs,omitempty"`
	Size   int64                `json:"size"`
}

func (e *exportedOne) file() string { return "packs/" + e.SHA + ".pack" }

// Kept calls each with the commits that are kept, of one repository or, with an empty
// name, of all, and the names that mean them.
func (u *Upstream) Kept(ctx context.Context, name string, each func(a *actions.KeptAction, refs []*actions.KeptRef) error) error {
	const batch = 100
	for after := int64(0); ; {
		list, err := u.Store.KeptActions(ctx, name, after, batch)
		if err != nil {
			return err
		}
		for _, a := range list {
			refs, err := u.Store.RefsOfKept(ctx, a.ID)
			if err != nil {
				return err
			}
			if err := each(a, refs); err != nil {
				return err
			}
			after = a.ID
		}
		if len(list) < batch {
			return nil
		}
	}
}

// Export writes what is kept of some repositories, or of all where none is named, and
// says how many commits that were.
func (u *Upstream) Export(ctx context.Context, names []string, w io.Writer) (int, error) {
	if len(names) == 0 {
		names = []string{""}
	}
	m := manifest{Version: manifestVersion}
	var kept []*actions.KeptAction
	for _, name := range names {
		before := len(kept)
		err := u.Kept(ctx, name, func(a *actions.KeptAction, refs []*actions.KeptRef) error {
			e := exportedOne{Name: a.Name, SHA: a.SHA, Origin: a.Origin, Host: a.Host, Size: a.Pack.Size}
			for _, r := range refs {
				e.Refs = append(e.Refs, r.Ref)
			}
			slices.Sort(e.Refs)
			e.Refs = slices.Compact(e.Refs)
			m.Actions, kept = append(m.Actions, e), append(kept, a)
			return nil
		})
		if err != nil {
			return 0, err
		}
		if len(kept) == before {
			return 0, actions.Errorf(actions.NotFound, "no action is kept of %s", cmp.Or(name, "any repository"))
		}
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return 0, err
	}
	out := tar.NewWriter(w)
	if err := entry(out, manifestName, int64(len(text)), bytes.NewReader(text)); err != nil {
		return 0, err
	}
	for i, a := range kept {
		in, err := u.Blobs.Open(ctx, a.Pack.Key)
		if err != nil {
			return 0, fmt.Errorf("%s at %s: %w", a.Name, a.SHA, err)
		}
		err = errors.Join(entry(out, m.Actions[i].file(), a.Pack.Size, in), in.Close())
		if err != nil {
			return 0, fmt.Errorf("%s at %s: %w", a.Name, a.SHA, err)
		}
	}
	return len(kept), out.Close()
}

func entry(out *tar.Writer, name string, size int64, r io.Reader) error {
	if err := out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644}); err != nil {
		return err
	}
	_, err := io.Copy(out, r)
	return err
}

// ImportExport keeps what Export has written, as imported by the operator, and calls each
// for it. Every commit is checked by its name.
func (u *Upstream) ImportExport(ctx context.Context, r io.Reader, each func(a *actions.KeptAction, refs []string)) error {
	in := tar.NewReader(r)
	bad := func(err error) error {
		return actions.Errorf(actions.Invalid, "this is no whole file of `understudy admin action export`: %w", err)
	}
	h, err := in.Next()
	if err == nil && (h.Name != manifestName || h.Size > maxManifest) {
		err = fmt.Errorf("it begins with %.100q", h.Name)
	}
	if err != nil {
		return bad(err)
	}
	var m manifest
	if err := json.NewDecoder(io.LimitReader(in, maxManifest)).Decode(&m); err != nil {
		return bad(err)
	}
	if m.Version != manifestVersion {
		return actions.Errorf(actions.Invalid, "the file is of version %d, and this program reads version %d", m.Version, manifestVersion)
	}
	for i := range m.Actions {
		e := &m.Actions[i]
		h, err := in.Next()
		if err == nil && h.Name != e.file() {
			err = fmt.Errorf("%.100q is where %s must be", h.Name, e.file())
		}
		if err != nil {
			return bad(err)
		}
		if err := u.importPack(ctx, e, in, each); err != nil {
			return fmt.Errorf("%.200s at %.40s: %w", e.Name, e.SHA, err)
		}
	}
	return nil
}

func (u *Upstream) importPack(ctx context.Context, e *exportedOne, pack io.Reader, each func(*actions.KeptAction, []string)) error {
	if err := u.mayImport(ctx, e.Name); err != nil {
		return err
	}
	a := &actions.KeptAction{Name: e.Name, SHA: e.SHA, Origin: actions.Imported, Host: e.Host}
	if e.Origin == actions.MadeHere {
		a.Origin = actions.MadeHere
	}
	if e.Host != "" {
		if _, err := ParseHost(e.Host); err != nil {
			return err
		}
	}
	if len(e.Refs) > maxImported {
		return actions.Errorf(actions.Invalid, "it has %d names", len(e.Refs))
	}
	for _, ref := range e.Refs {
		if refNames(ref) == nil || gitrepo.IsSHA(strings.ToLower(ref)) {
			return actions.Errorf(actions.Invalid, "%.100q cannot be the name of a branch or tag", ref)
		}
	}
	s, err := u.Git.NewScratch(ctx, gitrepo.ScratchLimits{Bytes: u.Limits.Bytes, Time: u.Limits.Fetch})
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Unpack(ctx, e.SHA, pack); err != nil {
		return err
	}
	f, err := u.keep(ctx, s, a, u.Now(), e.Refs...)
	if err == nil {
		each(f.Action, e.Refs)
	}
	return err
}
