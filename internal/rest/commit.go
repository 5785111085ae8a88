package rest

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/repository"
)

// CommitOf finds the commit that ref stands for in the repository of the request, if
// its caller may know of it: see [repository.Repositories.CommitOf].
func CommitOf(r *http.Request, repositories *repository.Repositories, ref string) (string, error) {
	c := CallOf(r)
	runs, err := c.May(r.Context(), auth.ReadRuns)
	if err != nil {
		return "", err
	}
	return repositories.CommitOf(r.Context(), c.Repo.ID, ref, runs)
}
