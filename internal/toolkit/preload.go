package toolkit

import (
	_ "embed" // of the script
	"encoding/json"
	"strings"
)

//go:embed preload.js
var preload string

// Preload is a script for `node --require`: what is loaded after it has the host check
// lifted, by the same forms as [Lift] knows, and standard output says so. It is for
// actions that do not come in an archive.
func Preload() string {
	quote := func(text string) string {
		b, _ := json.Marshal(text) // of text, which never fails
		return string(b)
	}
	return strings.NewReplacer("FORM", quote(strings.TrimPrefix(form.String(), "^")), "LIFTED", quote(lifted)).Replace(preload)
}

// Refused says whether a message is that of the toolkit where its check was not lifted.
func Refused(message string) bool { return strings.Contains(message, string(refusal)) }
