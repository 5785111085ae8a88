package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A Grant is what one signed URL allows: these methods, on this object, at this
// host, until then. The words are of letters, digits, ".", "_", "~" and "-", so that
// no client has a reason to write them in another way. The host is signed but is no
// parameter: the request itself says it.
type Grant struct {
	Host    string   // as shape.Base.Host writes it; never empty
	Purpose string   // what kind of object: the verifier must compare it
	Methods []string // of HTTP
	Object  string   // numbers, by which the row is found; no "~"
	GUID    string   // what the row is known by, see [Grant.IsOf], or the SHA of a commit. Never empty but in URLs of earlier versions
	RepoID  int64
	Expires time.Time // whole seconds
}

// guidMark is between the object and the GUID, in the parameter that has both.
const guidMark = "~"

// The parameters of a signed URL, in the order in which they are signed. Storage
// clients append parameters of their own and sort them all; `sig` is the name that
// the toolkit masks in logs.
var urlParams = [...]string{"purpose", "methods", "object", "repo", "expires"}

const sigParam = "sig"

var (
	errBadURL     = actions.Errorf(actions.Forbidden, "the signature of the URL is not valid")
	errExpiredURL = actions.Errorf(actions.Forbidden, "the signed URL has expired")
)

// SignURL returns the query that makes a URL of path grant g. The path is
// signed, too. A server has many names: a URL is good for the one by which its
// caller came, and no other.
func (k *Keys) SignURL(path string, g Grant) (query string, err error) {
	values := [len(urlParams)]string{
		g.Purpose,
		strings.Join(g.Methods, "."),
		g.Object + guidMark + g.GUID,
		strconv.FormatInt(g.RepoID, 10),
		strconv.FormatInt(g.Expires.Unix(), 10),
	}
	if !strings.HasPrefix(path, "/") || !plain(path, "/") {
		return "", actions.Errorf(actions.Internal, "sign URL: path %q", path)
	}
	if g.Host == "" {
		return "", actions.Errorf(actions.Internal, "sign URL: no host")
	}
	if g.Object == "" || g.GUID == "" || strings.Contains(g.Object, guidMark) {
		return "", actions.Errorf(actions.Internal, "sign URL: object %q with the GUID %q", g.Object, g.GUID)
	}
	var b strings.Builder
	for i, name := range urlParams {
		if !plain(values[i], "") {
			return "", actions.Errorf(actions.Internal, "sign URL: %s %q", name, values[i])
		}
		b.WriteString(name + "=" + values[i] + "&")
	}
	b.WriteString(sigParam + "=" + base64.RawURLEncoding.EncodeToString(k.urlMAC(g.Host, path, values[:])))
	return b.String(), nil
}

// VerifyURL checks a request for a signed URL and returns what it grants.
// host is written as in [Grant]; rawPath and rawQuery are the request's own bytes,
// before any decoding. Parameters that are not ours are ignored. An error is Forbidden.
func (k *Keys) VerifyURL(method, host, rawPath, rawQuery string, now time.Time) (Grant, error) {
	values, sig, ok := ownParams(rawQuery)
	if !ok || !plain(rawPath, "/") {
		return Grant{}, errBadURL
	}
	mac, err := base64.RawURLEncoding.Strict().DecodeString(sig)
	if err != nil || !hmac.Equal(mac, k.urlMAC(host, rawPath, values[:])) {
		return Grant{}, errBadURL
	}
	// From here on all values are as SignURL wrote them.
	repo, err1 := strconv.ParseInt(values[3], 10, 64)
	expires, err2 := strconv.ParseInt(values[4], 10, 64)
	if err1 != nil || err2 != nil {
		return Grant{}, errBadURL
	}
	object, guid, _ := strings.Cut(values[2], guidMark)
	g := Grant{
		Host:    host,
		Purpose: values[0],
		Methods: strings.Split(values[1], "."),
		Object:  object,
		GUID:    guid,
		RepoID:  repo,
		Expires: time.Unix(expires, 0).UTC(),
	}
	switch {
	case !now.Before(g.Expires):
		return Grant{}, errExpiredURL
	case !slices.Contains(g.Methods, method):
		return Grant{}, errBadURL
	}
	return g, nil
}

// ownParams takes our parameters out of a query without decoding them. Each must
// be there once; a name of ours in percent-encoding counts as a second one.
func ownParams(rawQuery string) (values [len(urlParams)]string, sig string, ok bool) {
	var seen [len(urlParams) + 1]bool
	for pair := range strings.SplitSeq(rawQuery, "&") {
		rawName, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(rawName)
		if err != nil {
			return values, "", false
		}
		i := slices.Index(urlParams[:], name)
		if name == sigParam {
			i = len(urlParams)
		}
		if i < 0 {
			continue
		}
		if seen[i] || name != rawName || !plain(value, "") {
			return values, "", false
		}
		seen[i] = true
		if name == sigParam {
			sig = value
		} else {
			values[i] = value
		}
	}
	return values, sig, !slices.Contains(seen[:], false)
}

// plain tells whether s has only characters that mean the same with and
// without percent-encoding, or are in also; and at least one.
func plain(s, also string) bool {
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("-._~", c) >= 0, strings.IndexByte(also, c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}

// urlMAC signs host, path and values, each behind its length, so that no part of
// one can pass for a part of its neighbour.
func (k *Keys) urlMAC(host, path string, values []string) []byte {
	h := hmac.New(sha256.New, k.url)
	var buf []byte
	for _, s := range append([]string{host, path}, values...) {
		buf = binary.BigEndian.AppendUint64(buf, uint64(len(s)))
		buf = append(buf, s...)
	}
	h.Write(buf)
	return h.Sum(nil)
}
