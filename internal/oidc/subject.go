package oidc

import (
	"context"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// subject is the sub of a job, made as its repository has chosen: "key:value" of each
// claim, joined by colons.
func (i *Issuer) subject(ctx context.Context, is *identity) (string, error) {
	keys, err := i.Settings.SubjectKeys(ctx, is.repo)
	if err != nil {
		return "", err
	}
	parts := make([]string, len(keys))
	for n, key := range keys {
		switch key {
		case actions.SubjectRepo:
			if parts[n], err = i.Settings.SubjectPrefix(ctx, is.repo); err != nil {
				return "", err
			}
		case actions.SubjectContext:
			parts[n] = is.context()
		default:
			value, ok := is.claims[key]
			if !ok {
				return "", actions.Errorf(actions.Invalid,
					"The subject of the OIDC token is to have the claim %s, which this job does not have: %s", key, missing(key))
			}
			parts[n] = pair(key, value)
		}
	}
	return strings.Join(parts, ":"), nil
}

// missing says why a job lacks a claim.
func missing(key string) string {
	if key == "environment" {
		return "it names no environment"
	}
	return "its environment is not there"
}

// context is what follows the repository in a default subject.
func (is *identity) context() string {
	if name, ok := is.claims["environment"]; ok {
		return pair("environment", name)
	}
	if is.event == "pull_request" {
		return "pull_request"
	}
	return pair("ref", is.claims["ref"])
}

// escape keeps a value from being taken for several: a colon ends one. GitHub escapes the
// colon alone; here the percent sign is escaped, too, or else the environment "a%3Ab"
// would have the subject of "a:b".
var escape = strings.NewReplacer(":", "%3A", "%", "%25")

func pair(key, value string) string { return key + ":" + escape.Replace(value) }
