package rest

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
)

// An unacceptableError refuses a request whose Accept header names nothing that GitHub's
// API answers with.
type unacceptableError struct{ header string }

func (e *unacceptableError) Error() string {
	return "Unsupported 'Accept' header: '" + e.header + "'. Must accept 'application/json'."
}

const (
	maxAccept = 200 // characters of the header that are told back
	mediaURL  = docsURL + "rest/using-the-rest-api/getting-started-with-the-rest-api#media-types"
)

// checkAccept says whether the request takes JSON, or one of GitHub's media types. One
// without the header takes everything.
func checkAccept(r *http.Request) error {
	header := strings.Join(r.Header.Values("Accept"), ",")
	if strings.TrimSpace(header) == "" {
		return nil
	}
	for part := range strings.SplitSeq(header, ",") {
		media, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		media = strings.ToLower(strings.TrimSpace(media))
		switch {
		case media == "*/*", media == "application/*", media == "application/json", media == "application/octet-stream",
			strings.HasPrefix(media, "application/vnd.github."), strings.HasPrefix(media, "application/vnd.github+"):
			return nil
		}
	}
	return &unacceptableError{actions.Clip(header, maxAccept)}
}

func (e *unacceptableError) write(w http.ResponseWriter) error {
	const status = http.StatusUnsupportedMediaType
	return httpjson.Write(w, status, httpjson.Problem{Message: e.Error(), DocumentationURL: mediaURL, Status: strconv.Itoa(status)})
}
