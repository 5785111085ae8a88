package httpjson_test

import (
	"mime"
	"testing"

	"github.com/understudy-ci/understudy/internal/httpjson"
)

// BLOB-6: both forms, the ASCII one without percent signs, quotes and semicolons.
func TestAFileNameComesBackFromItsHeader(t *testing.T) {
	for name, want := range map[string]string{
		"dist.zip":   `attachment; filename="dist.zip"; filename*=UTF-8''dist.zip`,
		"a b.zip":    `attachment; filename="a b.zip"; filename*=UTF-8''a%20b.zip`,
		`50%;"x".md`: `attachment; filename="50___x_.md"; filename*=UTF-8''50%25%3B%22x%22.md`,
		"ü😀":         `attachment; filename="______"; filename*=UTF-8''%C3%BC%F0%9F%98%80`,
		"a\r\nb: c":  `attachment; filename="a__b: c"; filename*=UTF-8''a%0D%0Ab%3A%20c`,
		"../../x\\y": `attachment; filename=".._.._x_y"; filename*=UTF-8''..%2F..%2Fx%5Cy`,
	} {
		got := httpjson.Attachment(name)
		if got != want {
			t.Errorf("%q: got %s, want %s", name, got, want)
		}
		if _, params, err := mime.ParseMediaType(got); err != nil || params["filename"] == "" {
			t.Errorf("%s: %v", got, err)
		}
	}
}
