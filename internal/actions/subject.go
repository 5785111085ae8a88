package actions

import (
	"regexp"
	"unicode/utf8"
)

// A Subject is something that the steps of a job have declared to have made, in the file
// GITHUB_ARTIFACTS: a file, or an image in a registry.
type Subject struct {
	Name   string
	Digest string // "sha256:" and so on, in hexadecimal digits
	Kind   string // "file" or "oci"
}

// Limits of the subjects of a job.
const (
	MaxSubjects    = 500
	maxSubjectName = 1024 // bytes
)

var subjectDigest = regexp.MustCompile(`^(sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$`)

// Check is Invalid for a subject that cannot be.
func (s Subject) Check() error {
	switch {
	case s.Name == "" || len(s.Name) > maxSubjectName || !utf8.ValidString(s.Name):
		return Errorf(Invalid, "a subject has a name of 1 to %d bytes in UTF-8", maxSubjectName)
	case s.Kind != "file" && s.Kind != "oci":
		return Errorf(Invalid, "subject %.100q: kind %.20q is neither file nor oci", s.Name, s.Kind)
	case !subjectDigest.MatchString(s.Digest):
		return Errorf(Invalid, "subject %.100q: %.150q is no digest", s.Name, s.Digest)
	}
	return nil
}
