package rest

import (
	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/version"
)

// WholeRepository is the object for a repository, as the version of the call has it.
func (c *Call) WholeRepository(repo *actions.Repository) *shape.Repository {
	v := shape.NewRepository(c.Base, repo)
	c.trim(v)
	return v
}

// ListedRepository is the object for a repository in a list, whose caller has permission
// p: NoAccess for who has not signed in.
func (c *Call) ListedRepository(repo *actions.Repository, p actions.Permission) *shape.ListedRepository {
	v := shape.NewListedRepository(c.Base, repo, p)
	c.trim(&v.Repository)
	return v
}

// AdministeredRepository is the object for a repository of the call's organization, which
// the caller administers.
func (c *Call) AdministeredRepository(repo *actions.Repository) *shape.AdministeredRepository {
	v := shape.NewAdministeredRepository(c.Base, repo, c.Caller.OwnerPermission(repo))
	c.trim(&v.Repository)
	c.trimMerge(v.MergeOptions)
	return v
}

// FullRepository is the object for a repository that is asked for alone; p is as in
// ListedRepository.
func (c *Call) FullRepository(repo *actions.Repository, p actions.Permission) *shape.FullRepository {
	v := shape.NewFullRepository(c.Base, repo, p)
	c.trim(&v.Repository)
	if v.AdminsPart != nil {
		c.trimMerge(&v.MergeOptions)
	}
	return v
}

// trim removes what the version of the call has not.
func (c *Call) trim(v *shape.Repository) {
	if c.Version.AtLeast(version.V20260310) {
		v.HasDownloads = nil
	}
}

// trimMerge does so for what only who administers a repository sees; nil for others.
func (c *Call) trimMerge(v *shape.MergeOptions) {
	if v != nil && c.Version.AtLeast(version.V20260310) {
		v.UseSquashTitle = nil
	}
}
