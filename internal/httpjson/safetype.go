package httpjson

import (
	"net/http"
	"path"
	"strings"
)

// safeTypes are content types that no browser runs anything of.
var safeTypes = map[string]string{
	".txt": plainText, ".log": plainText, ".md": plainText, ".csv": plainText, ".tsv": plainText, ".yml": plainText, ".yaml": plainText,
	".patch": plainText, ".diff": plainText, ".out": plainText,
	".json": ContentType,
	".png":  "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp",
	".zip": "application/zip", ".gz": "application/gzip", ".tgz": "application/gzip", ".zst": "application/zstd",
}

const plainText = "text/plain; charset=utf-8"

// Harmless sets the headers of an answer with untrusted content: whatever it is, no
// browser takes it for a page of this origin.
func Harmless(h http.Header, contentType string) {
	h.Set("Content-Type", contentType)
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
}

// safeType is the content type of an untrusted file, by its name: one of
// those that are harmless on this origin, or that of bytes which mean nothing.
func safeType(name string) string {
	if t, ok := safeTypes[strings.ToLower(path.Ext(name))]; ok {
		return t
	}
	return "application/octet-stream"
}
