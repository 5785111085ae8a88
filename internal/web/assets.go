package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

//go:embed static templates
var files embed.FS

const assetPrefix = "/assets/"

// assets are the files of pages. A file's name holds a hash of its content, so
// that browsers keep it for good.
type assets struct {
	byName map[string]asset
	CSS    string // paths
	JS     string
	Icon   string
}

type asset struct {
	contentType string
	body        []byte
}

func loadAssets() (assets, error) {
	a := assets{byName: make(map[string]asset)}
	for _, f := range []struct {
		name, contentType string
		path              *string
	}{
		{"app.css", "text/css; charset=utf-8", &a.CSS},
		{"app.js", "text/javascript; charset=utf-8", &a.JS},
		{"icon.svg", "image/svg+xml", &a.Icon},
	} {
		body, err := fs.ReadFile(files, "static/"+f.name)
		if err != nil {
			return assets{}, fmt.Errorf("asset: %w", err)
		}
		sum := sha256.Sum256(body)
		ext := path.Ext(f.name)
		name := strings.TrimSuffix(f.name, ext) + "-" + hex.EncodeToString(sum[:6]) + ext
		a.byName[name] = asset{f.contentType, body}
		*f.path = assetPrefix + name
	}
	return a, nil
}

func (a assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := a.byName[r.PathValue("file")]
	if !ok {
		http.Error(w, string(actions.NotFound), http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Del("Vary")
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Content-Type", f.contentType)
	h.Set("Content-Length", strconv.Itoa(len(f.body)))
	_, _ = w.Write(f.body) // the browser is gone
}
