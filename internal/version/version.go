// Package version knows the dated versions of GitHub's REST API.
//
// A client chooses one with the X-GitHub-Api-Version header. What a later
// version breaks is decided by [Version.AtLeast], in the one function that
// writes the shape concerned; what it adds, every version has.
package version

import (
	"fmt"
	"strings"
)

// A Version is the date of a version of the API.
type Version string

// The versions that this server speaks.
const (
	V20221128 Version = "2022-11-28"
	V20260310 Version = "2026-03-10"
)

// Default is the version of a request that names none.
const Default = V20221128

// Header is the request header that names a version.
const Header = "X-Github-Api-Version"

// All are the versions that this server speaks, newest first.
func All() []Version { return []Version{V20260310, V20221128} }

// AtLeast says whether v is as new as other, or newer.
func (v Version) AtLeast(other Version) bool { return v >= other }

// Parse is the version that a header names, [Default] for an empty header. The
// text of the error is GitHub's.
func Parse(header string) (Version, error) {
	if header == "" {
		return Default, nil
	}
	var supported []string
	for i, v := range All() {
		if header == string(v) {
			return v, nil
		}
		text := fmt.Sprintf("%q", string(v))
		if i == 0 {
			text += " (most recent)"
		}
		supported = append(supported, text)
	}
	return "", fmt.Errorf("The version you specified in the \"X-GitHub-API-Version\" request header, %q, is not a supported version. "+ //nolint:staticcheck // GitHub's sentence
		"The following versions are currently supported: %s.", header, strings.Join(supported, ", "))
}
