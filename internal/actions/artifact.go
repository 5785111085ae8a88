package actions

import (
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// An ArtifactStatus says whether an artifact can be seen and read.
type ArtifactStatus string

// The statuses of an artifact. They are ours: GitHub's API says only `expired`.
const (
	ArtifactPending ArtifactStatus = "pending" // being uploaded; nobody sees it
	ArtifactLive    ArtifactStatus = "live"
	ArtifactExpired ArtifactStatus = "expired" // its bytes are gone
)

// An Artifact is what a job keeps for people and for later jobs of its run: one
// file, mostly a zip archive of many. Once it is live it never changes; the name
// is free again when it is deleted, and the next one gets a new ID. So does what
// an upload by version 3 makes of an artifact and more files.
type Artifact struct {
	ID          int64 // later ones are greater
	RepoID      int64
	RunID       int64
	Attempt     int   // of the run: names are unique in an attempt
	JobID       int64 // that uploaded it
	Name        string
	ContentType string // "application/zip" but for uploads with archive: false
	ObjectID    int64  // its bytes; 0 once they are gone
	Status      ArtifactStatus
	Mutable     bool   // by version 3 of the protocol: an upload of its name adds files
	Size        int64  // bytes; 0 while pending
	Digest      string // "sha256:…", what the server itself computed; empty while pending
	CreatedAt   time.Time
	UpdatedAt   time.Time
	ExpiresAt   time.Time
}

// Expired says whether the artifact's time is over, also while its bytes are
// still being removed.
func (a *Artifact) Expired(now time.Time) bool {
	return a.Status == ArtifactExpired || !now.Before(a.ExpiresAt)
}

// Readable is Gone when the artifact has expired and NotFound while it is pending.
func (a *Artifact) Readable(now time.Time) error {
	switch {
	case a.Status == ArtifactPending:
		return Errorf(NotFound, "artifact %d is not complete", a.ID)
	case a.Expired(now):
		return Errorf(Gone, "Artifact has expired")
	}
	return nil
}

// Zipped says whether the artifact is an archive of the files that were uploaded.
func (a *Artifact) Zipped() bool { return a.ContentType == ZipType }

// ZipType is the content type of artifacts that nobody said otherwise about.
const ZipType = "application/zip"

// MaxArtifactName is the length of the longest artifact name, in bytes. GitHub
// documents no limit; file systems know 255, and ".zip" is added.
const MaxArtifactName = 251

// devices are names that Windows takes for something else than a file, whatever
// follows them after a dot.
var devices = regexp.MustCompile(`^(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]) *(\.|$)`)

// CheckArtifactName says whether an artifact may have this name. The characters
// are those that the toolkit refuses, too (LIM-1); names of devices, and
// those that end in a dot or a blank, are refused besides, so that a name is a file
// name on every system.
func CheckArtifactName(name string) error {
	switch {
	case name == "":
		return Errorf(Invalid, "Artifact name input `name` is not provided")
	case len(name) > MaxArtifactName:
		return Errorf(Invalid, "The artifact name has %d bytes; at most %d are allowed", len(name), MaxArtifactName)
	case !utf8.ValidString(name):
		return Errorf(Invalid, "The artifact name is not UTF-8")
	case strings.HasSuffix(name, ".") || strings.HasSuffix(name, " "):
		return Errorf(Invalid, "The artifact name is not valid: %q. It ends in a dot or a blank", name)
	case devices.MatchString(name):
		return Errorf(Invalid, "The artifact name is not valid: %q. It is the name of a device on Windows", name)
	}
	for _, c := range name {
		if unicode.IsControl(c) || strings.ContainsRune("\":<>|*?\\/", c) {
			return Errorf(Invalid, "The artifact name is not valid: %q. Contains the following character: %q", name, c)
		}
	}
	return nil
}

// For how many days a repository can keep its artifacts at most (LIM-1).
const (
	MaxPublicDays  = 90
	MaxPrivateDays = 400
)

// ArtifactExpiry is when an artifact expires that is created now in a repository
// which keeps its artifacts for so many days: at the time asked for (zero for the
// default), but at most that many days and at least one day from now. A time outside
// of these bounds is no error (ART-4): it comes from the clock of a runner.
func ArtifactExpiry(days int, asked, now time.Time) time.Time {
	last := now.AddDate(0, 0, days)
	asked = ClockTime(asked)
	if asked.IsZero() || asked.After(last) {
		return last
	}
	if first := now.AddDate(0, 0, 1); asked.Before(first) {
		return first
	}
	return asked
}
