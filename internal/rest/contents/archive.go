package contents

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/rest"
)

// archive serves GET /repos/{owner}/{repo}/tarball/{ref} and zipball: it redirects to
// the archive of the commit that the ref, or the default branch, names now.
func (p *page) archive(f gitrepo.Format) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		c, ref := rest.CallOf(r), r.PathValue("ref")
		if ref == "" {
			ref = c.Repo.DefaultBranch
		}
		sha, err := rest.CommitOf(r, p.Repositories, ref)
		if err != nil {
			return notInvalid(err)
		}
		url, err := p.ArchiveURL(c.Base, c.Repo, sha, f)
		if err != nil {
			return err
		}
		w.Header().Set("Location", url)
		w.WriteHeader(http.StatusFound)
		return nil
	}
}
