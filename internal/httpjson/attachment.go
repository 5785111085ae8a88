package httpjson

import "strings"

// Attachment is the value of Content-Disposition that makes a browser save an
// answer as a file of that name. The name is there twice: in percent-encoding for
// clients that know it, and in ASCII without what others might decode.
func Attachment(name string) string {
	const hex = "0123456789ABCDEF"
	var plain, encoded strings.Builder
	for _, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~", c) >= 0:
			plain.WriteByte(c)
			encoded.WriteByte(c)
			continue
		case c < ' ' || c >= 0x7f || strings.IndexByte(`"%;\/`, c) >= 0:
			plain.WriteByte('_')
		default:
			plain.WriteByte(c)
		}
		encoded.WriteByte('%')
		encoded.WriteByte(hex[c>>4])
		encoded.WriteByte(hex[c&15])
	}
	return `attachment; filename="` + plain.String() + `"; filename*=UTF-8''` + encoded.String()
}
