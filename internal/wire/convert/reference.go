package convert

import (
	"github.com/understudy-ci/understudy/internal/wire"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// Reference is what a step runs: an action, or a script where ref is nil.
func Reference(ref *workflow.ActionRef) wire.Reference {
	if ref == nil {
		return wire.Reference{Type: wire.RefScript}
	}
	switch ref.Kind {
	case workflow.Docker:
		return wire.Reference{Type: wire.RefContainer, Image: ref.Image}
	case workflow.Local:
		return wire.Reference{Type: wire.RefRepository, RepositoryType: wire.RepoSelf, Path: ref.Path}
	case workflow.SelfRepository:
		return wire.Reference{Type: wire.RefRepository, RepositoryType: wire.RepoHome, Path: ref.Path}
	case workflow.Repository:
	}
	return wire.Reference{Type: wire.RefRepository, RepositoryType: wire.RepoGitHub, Name: ref.Name, Ref: ref.Ref, Path: ref.Path}
}
