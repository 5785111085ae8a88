package results

import (
	"context"
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/token"
)

// AssetURL is where an asset of a release can be read for a minute. base is that of
// pages, without a slash at its end. The caller has checked who is asking.
func (a *API) AssetURL(ctx context.Context, base string, asset *actions.ReleaseAsset) (string, error) {
	url, ok, err := a.Objects.URL(ctx, asset.ObjectID, blob.PresignOptions{
		Expires: downloadLife, ContentType: asset.ContentType, Disposition: httpjson.Attachment(asset.Name),
	})
	if err != nil || ok {
		return url, err
	}
	return a.objectURL(ctx, base, objectGrant{purpose: assetDownloadPurpose, repo: asset.RepoID, row: asset.ID, object: asset.ObjectID})
}

// getAsset serves GET and HEAD of an asset of a release.
func (a *API) getAsset(w http.ResponseWriter, r *http.Request, g token.Grant) error {
	o, err := objectOf(g)
	if err != nil {
		return err
	}
	asset, err := a.Store.ReleaseAsset(r.Context(), o.repo, o.row)
	if err == nil && asset.ObjectID != o.object {
		err = actions.Errorf(actions.NotFound, "asset %d has other bytes now", asset.ID)
	}
	if err == nil {
		err = a.sameObject(r.Context(), g, o.object)
	}
	if err != nil {
		return err
	}
	content, err := a.Objects.Open(r.Context(), asset.ObjectID)
	if err != nil {
		return err
	}
	return a.send(w, r, download{
		content: content, contentType: asset.ContentType, disposition: httpjson.Attachment(asset.Name), etag: `"` + asset.Digest + `"`, modified: asset.CreatedAt,
	})
}
