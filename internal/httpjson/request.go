package httpjson

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
)

// DefaultLimit is enough for any body of GitHub's REST API in this server.
const DefaultLimit = 1 << 20

// Decode reads a JSON body of at most limit bytes into v. Unknown fields are
// passed over, as GitHub does. An empty body leaves v as it is.
func Decode(r *http.Request, v any, limit int64) error {
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err != nil {
		return actions.Errorf(actions.Malformed, "Problems reading the request body: %w", err)
	}
	if int64(len(body)) > limit {
		return actions.Errorf(actions.Malformed, "The request body is larger than %d bytes", limit)
	}
	return Parse(body, v)
}

// Parse is [Decode] for a body that is read.
func Parse(body []byte, v any) error {
	if len(body) == 0 {
		return nil
	}
	err := json.Unmarshal(body, v)
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if mismatch.Field == "" {
			return actions.Errorf(actions.Malformed, "Body should be a JSON object")
		}
		return actions.Errorf(actions.Invalid, "Invalid request.\n\nFor '%s', a %s is not possible.", mismatch.Field, mismatch.Value)
	}
	if err != nil && actions.KindOf(err) != actions.Invalid { // else a field has said what is wrong
		return actions.Errorf(actions.Malformed, "Problems parsing JSON")
	}
	return err
}

// PathID is the positive number that the path has for name. Anything else is
// NotFound: there is no such thing.
func PathID(r *http.Request, name string) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue(name), 10, 64)
	if err != nil || id <= 0 {
		return 0, actions.Errorf(actions.NotFound, "Not Found")
	}
	return id, nil
}
