package actions

import (
	"strings"
	"time"
	"unicode/utf8"
)

// A Release is a version of what is in a repository, with files to download. It names a
// tag, which is there once the release is published.
type Release struct {
	ID         int64
	RepoID     int64
	TagName    string
	Target     string // where the tag is made when there is none: a branch or a SHA
	Name       string
	Body       string
	Draft      bool // only those who may push see it
	Prerelease bool
	Marked     bool // somebody said that it is the latest one
	Author     Account

	CreatedAt   time.Time // of its commit; of itself for a draft without one
	PublishedAt time.Time // zero for a draft
	UpdatedAt   time.Time

	Assets []*ReleaseAsset // in the order in which they came, where they were read
}

// A ReleaseAsset is a file of a release.
type ReleaseAsset struct {
	ID          int64
	RepoID      int64
	ReleaseID   int64
	Name        string
	Label       string // what people read in place of the name, empty for none
	ContentType string
	ObjectID    int64 // its bytes
	Size        int64
	Digest      string // sha256:…
	Downloads   int64
	Uploader    Account
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

const (
	releaseResource = "Release"
	assetResource   = "ReleaseAsset"
	maxReleaseName  = 255     // characters, as of a tag's and an asset's
	maxReleaseBody  = 125_000 // characters, as on GitHub
)

// MaxAssetSize is how many bytes an asset may have, and MaxAssets how many a release
// has: as on GitHub.
const (
	MaxAssetSize = 2 << 30
	MaxAssets    = 1000
)

// Check refuses a release that cannot be. Whether its tag can be one of git's is another
// question.
func (r *Release) Check() error {
	for _, f := range []struct {
		name, text string
		most       int
	}{{"tag_name", r.TagName, maxReleaseName}, {"target_commitish", r.Target, maxReleaseName}, {"name", r.Name, maxReleaseName}, {"body", r.Body, maxReleaseBody}} {
		if utf8.RuneCountInString(f.text) > f.most {
			return InField(releaseResource, f.name, Errorf(Invalid, "%s is too long (maximum is %d characters)", f.name, f.most))
		}
		if strings.ContainsRune(f.text, 0) || !utf8.ValidString(f.text) {
			return InField(releaseResource, f.name, Errorf(Invalid, "%s contains invalid characters", f.name))
		}
	}
	if r.TagName == "" {
		return Missing(releaseResource, "tag_name")
	}
	return nil
}

// untagged is what the name of a draft on its page begins with.
const untagged = "untagged-"

// PageName is what the page of the release is called: by its tag, or, since several drafts
// may name the same one, by its number.
func (r *Release) PageName() string {
	if !r.Draft {
		return r.TagName
	}
	const digits = "0123456789abcdef"
	text := make([]byte, 20)
	for i, n := len(text)-1, r.ID; i >= 0; i, n = i-1, n>>4 {
		text[i] = digits[n&15]
	}
	return untagged + string(text)
}

// DraftOfPage is the number of the draft whose page has that name.
func DraftOfPage(name string) (id int64, ok bool) {
	text, ok := strings.CutPrefix(name, untagged)
	if !ok || len(text) != 20 {
		return 0, false
	}
	for _, c := range text {
		d := strings.IndexRune("0123456789abcdef", c)
		if d < 0 || id>>59 != 0 {
			return 0, false
		}
		id = id<<4 | int64(d)
	}
	return id, true
}

// Happened are the activity types of what a change made of a release, in their order. was
// is nil for a new one, and the result for one that is gone. What becomes of drafts is
// nobody's business until they are published.
func (r *Release) Happened(was *Release) []string {
	kind := map[bool]string{false: "released", true: "prereleased"}
	switch {
	case was == nil && r.Draft:
		return nil
	case was == nil:
		return []string{"created", "published", kind[r.Prerelease]}
	case r == nil && was.Draft, r != nil && was.Draft && r.Draft:
		return nil
	case r == nil:
		return []string{"deleted"}
	case r.Draft:
		return []string{"unpublished"}
	case was.Draft && r.Prerelease:
		return []string{"published"}
	case was.Draft:
		return []string{"published", "released"}
	}
	var list []string
	if r.TagName != was.TagName || r.Target != was.Target || r.Name != was.Name || r.Body != was.Body || r.Prerelease != was.Prerelease || r.Marked != was.Marked {
		list = append(list, "edited")
	}
	if r.Prerelease != was.Prerelease {
		list = append(list, kind[r.Prerelease])
	}
	return list
}

// AssetName is the name that an asset gets for the one that it was sent with: as on
// GitHub, what could be trouble in a URL or on a disk becomes a dot, and no name begins or
// ends with one. It is empty for no name.
func AssetName(name string) string {
	if name == "" {
		return ""
	}
	var b strings.Builder
	last := byte(0)
	for _, c := range name {
		if c >= utf8.RuneSelf || !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+@", c) {
			c = '.'
		}
		if c == '.' && last == '.' {
			continue
		}
		last = byte(c)
		b.WriteByte(last)
	}
	made := strings.TrimRight(b.String(), ".")
	if made == "" || made[0] == '.' {
		return "default" + made
	}
	return made
}

// Check refuses an asset that cannot be.
func (a *ReleaseAsset) Check() error {
	switch {
	case a.Name == "":
		return Missing(assetResource, "name")
	case len(a.Name) > maxReleaseName:
		return InField(assetResource, "name", Errorf(Invalid, "name is too long (maximum is %d characters)", maxReleaseName))
	}
	return InField(assetResource, "label", CheckLine("label", a.Label))
}
