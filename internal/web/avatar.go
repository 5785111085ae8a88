package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"strconv"

	"github.com/understudy-ci/understudy/internal/auth"
)

// avatarPath is where the avatar of an account is: [shape.NewSimpleUser] says so.
const avatarPath = "/_avatars/{id}"

// avatar serves the picture that stands for an account: five by five fields, each half
// the mirror of the other, drawn from the account's id. Nothing is looked up, so the
// picture says nothing of whether there is such an account, and keeps when it is renamed.
func (s *Site) avatar(w http.ResponseWriter, r *http.Request, _ *auth.Caller) error {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id < 1 {
		return errNotFound
	}
	picture, err := avatarOf(id)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Del("Vary")
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	sendImage(w, "image/png", picture)
	return nil
}

// avatarOf is the avatar of an account as PNG, about 200 bytes.
func avatarOf(id int64) ([]byte, error) {
	const (
		fields = 5
		side   = 20 // pixels of a field
		border = side / 2
		width  = fields*side + 2*border
	)
	sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("avatar"), uint64(id)))
	ink := color.RGBA{R: 60 + sum[29]%140, G: 60 + sum[30]%140, B: 60 + sum[31]%140, A: 255} // neither black nor pale
	img := image.NewPaletted(image.Rect(0, 0, width, width), color.Palette{color.RGBA{R: 240, G: 240, B: 240, A: 255}, ink})
	for y := range fields {
		for x := range fields {
			if sum[y*3+min(x, fields-1-x)]%2 == 0 {
				continue
			}
			for dy := range side {
				from := img.PixOffset(border+x*side, border+y*side+dy)
				for dx := range side {
					img.Pix[from+dx] = 1
				}
			}
		}
	}
	var b bytes.Buffer
	err := png.Encode(&b, img)
	return b.Bytes(), err
}

// sendImage answers with an image that does nothing, whatever it holds.
func sendImage(w http.ResponseWriter, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // the browser is gone
}
