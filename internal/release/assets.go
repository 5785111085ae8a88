package release

import (
	"context"
	"io"
	"mime"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

const assetResource = "ReleaseAsset"

// An Upload is an asset that comes.
type Upload struct {
	Name, Label, ContentType string
	Size                     int64 // bytes as declared, 0 for not known
	Content                  io.Reader
}

// Upload adds an asset to a release.
func (s *Releases) Upload(ctx context.Context, repo *actions.Repository, by Actor, r *actions.Release, up Upload) (*actions.ReleaseAsset, error) {
	now := s.Now()
	a := &actions.ReleaseAsset{
		RepoID: repo.ID, ReleaseID: r.ID, Name: actions.AssetName(up.Name), Label: up.Label, ContentType: contentType(up.ContentType),
		Uploader: *by.Account, CreatedAt: now, UpdatedAt: now,
	}
	if err := a.Check(); err != nil {
		return nil, err
	}
	if up.Size > actions.MaxAssetSize {
		return nil, tooLarge()
	}
	if err := fits(r, a); err != nil {
		return nil, err
	}
	err := s.Store.UpdateRelaxed(ctx, func(tx *store.Tx) (err error) {
		if err := s.room(ctx, tx, repo.ID, up.Size); err != nil {
			return err
		}
		a.ObjectID, err = s.Objects.Begin(ctx, tx, repo.ID, actions.MaxAssetSize)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := s.take(ctx, repo, a, up); err != nil {
		drop := s.Store.UpdateRelaxed(context.WithoutCancel(ctx), func(tx *store.Tx) error { return s.Objects.Drop(ctx, tx, a.ObjectID) })
		if drop != nil {
			s.Log.WarnContext(ctx, "bytes of an asset left behind for a day", "repo", repo.ID, "err", drop)
		}
		return nil, err
	}
	return a, nil
}

// take reads the bytes of an asset, whose object is there, and makes it visible.
func (s *Releases) take(ctx context.Context, repo *actions.Repository, a *actions.ReleaseAsset, up Upload) error {
	err := s.Objects.PutWhole(ctx, a.ObjectID, up.Content, up.Size)
	if actions.KindOf(err) == actions.Invalid {
		return tooLarge()
	}
	if err != nil {
		return err
	}
	sum, err := s.Objects.Finish(ctx, a.ObjectID)
	if err != nil {
		return err
	}
	if sum.Size == 0 {
		return actions.InField(assetResource, "size", actions.Errorf(actions.Invalid, "size must be greater than or equal to 1"))
	}
	a.Size, a.Digest = sum.Size, "sha256:"+sum.SHA256
	return s.Store.Update(ctx, func(tx *store.Tx) error {
		r, err := tx.Release(ctx, repo.ID, a.ReleaseID) // it may have changed meanwhile
		if err == nil {
			err = fits(r, a)
		}
		if err == nil {
			err = s.room(ctx, tx, repo.ID, a.Size)
		}
		if err == nil {
			err = s.Objects.Seal(ctx, tx, a.ObjectID, sum)
		}
		if err == nil {
			err = tx.CreateReleaseAsset(ctx, a)
		}
		if err == nil {
			err = tx.ReleaseAudited(ctx, repo, actions.AuditAssetCreate, r, a.Name)
		}
		return err
	})
}

func tooLarge() error {
	return actions.InField(assetResource, "size", actions.Errorf(actions.Invalid, "size must be less than or equal to %d", int64(actions.MaxAssetSize)))
}

// fits refuses an asset for which a release has no place.
func fits(r *actions.Release, a *actions.ReleaseAsset) error {
	if len(r.Assets) >= actions.MaxAssets {
		return actions.InField(assetResource, "base", actions.Errorf(actions.Invalid, "a release has at most %d assets", actions.MaxAssets))
	}
	for _, other := range r.Assets {
		if other.ID != a.ID && other.Name == a.Name {
			return actions.Taken(assetResource, "name")
		}
	}
	return nil
}

// room refuses bytes for which a repository has no place.
func (s *Releases) room(ctx context.Context, tx *store.Tx, repoID, size int64) error {
	if s.Quota == 0 {
		return nil
	}
	used, err := tx.AssetBytes(ctx, repoID)
	if err == nil && used+size > s.Quota {
		err = actions.InField(assetResource, "size", actions.Errorf(actions.Invalid, "the assets of the repository have %d bytes, and may have %d together", used, s.Quota))
	}
	return err
}

// contentType is the type that an asset was sent with, or that of bytes that mean nothing.
func contentType(text string) string {
	kind, params, err := mime.ParseMediaType(text)
	if made := mime.FormatMediaType(kind, params); err == nil && made != "" && len(made) <= 255 {
		return made
	}
	return "application/octet-stream"
}

// UpdateAsset renames an asset, or changes its label; nil is not said.
func (s *Releases) UpdateAsset(ctx context.Context, a *actions.ReleaseAsset, name, label *string) (*actions.ReleaseAsset, error) {
	made := *a
	if name != nil {
		made.Name = actions.AssetName(*name)
	}
	set(&made.Label, label)
	if err := made.Check(); err != nil {
		return nil, err
	}
	made.UpdatedAt = s.Now()
	return &made, s.Store.Update(ctx, func(tx *store.Tx) error {
		r, err := tx.Release(ctx, a.RepoID, a.ReleaseID)
		if err == nil && made.Name != a.Name {
			for _, other := range r.Assets {
				if other.ID != a.ID && other.Name == made.Name {
					err = actions.Taken(assetResource, "name")
				}
			}
		}
		if err == nil {
			err = tx.UpdateReleaseAsset(ctx, &made)
		}
		return err
	})
}

// DeleteAsset removes an asset and its bytes.
func (s *Releases) DeleteAsset(ctx context.Context, repo *actions.Repository, a *actions.ReleaseAsset) error {
	return s.Store.Update(ctx, func(tx *store.Tx) error {
		r, err := tx.Release(ctx, repo.ID, a.ReleaseID)
		if err == nil {
			err = tx.DeleteReleaseAsset(ctx, a)
		}
		if err == nil {
			err = s.Objects.Drop(ctx, tx, a.ObjectID)
		}
		if err == nil {
			err = tx.ReleaseAudited(ctx, repo, actions.AuditAssetDestroy, r, a.Name)
		}
		return err
	})
}

// Downloaded counts a download of an asset. Power loss may undo it.
func (s *Releases) Downloaded(ctx context.Context, a *actions.ReleaseAsset) error {
	return s.Store.UpdateRelaxed(ctx, func(tx *store.Tx) error { return tx.AssetDownloaded(ctx, a) })
}
