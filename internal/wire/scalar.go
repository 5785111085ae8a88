package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Time is written as RFC 3339 in UTC with milliseconds, the zero time as
// null. It is read from any RFC 3339 form, with or without a zone (UTC is meant
// then); null and the empty string are the zero time.
type Time struct{ time.Time }

// At is t as a Time.
func At(t time.Time) Time { return Time{t} }

const timeLayout = "2006-01-02T15:04:05.000Z"

// MarshalJSON implements [json.Marshaler].
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	b := make([]byte, 0, len(timeLayout)+2)
	b = append(b, '"')
	b = t.UTC().AppendFormat(b, timeLayout)
	return append(b, '"'), nil
}

// UnmarshalJSON implements [json.Unmarshaler].
func (t *Time) UnmarshalJSON(b []byte) error {
	var s *string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("time: %w", err)
	}
	if s == nil || *s == "" {
		*t = Time{}
		return nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if v, err := time.Parse(layout, *s); err == nil {
			*t = Time{v.UTC()}
			return nil
		}
	}
	return fmt.Errorf("time %q is not RFC 3339", *s)
}

// Int is a 64-bit integer that is written as a number and read from a number
// or a string.
type Int int64

// UnmarshalJSON implements [json.Unmarshaler].
func (n *Int) UnmarshalJSON(b []byte) error {
	v, err := readInt(b)
	*n = Int(v)
	return err
}

// IntString is a 64-bit integer that is written as a string and read from a
// number or a string. Some clients accept nothing else.
type IntString int64

// MarshalJSON implements [json.Marshaler].
func (n IntString) MarshalJSON() ([]byte, error) {
	return []byte(`"` + strconv.FormatInt(int64(n), 10) + `"`), nil
}

// UnmarshalJSON implements [json.Unmarshaler].
func (n *IntString) UnmarshalJSON(b []byte) error {
	v, err := readInt(b)
	*n = IntString(v)
	return err
}

// BoolString is a boolean that is written as the string "true" or "false" and
// read from a boolean or a string in any case.
type BoolString bool

// MarshalJSON implements [json.Marshaler].
func (v BoolString) MarshalJSON() ([]byte, error) {
	return []byte(`"` + strconv.FormatBool(bool(v)) + `"`), nil
}

// UnmarshalJSON implements [json.Unmarshaler].
func (v *BoolString) UnmarshalJSON(b []byte) error {
	switch s := strings.ToLower(string(bytes.Trim(b, `"`))); s {
	case "true":
		*v = true
	case "false", "null", "":
		*v = false
	default:
		return fmt.Errorf("%q is not a boolean", s)
	}
	return nil
}

func readInt(b []byte) (int64, error) {
	s := string(bytes.Trim(b, `"`))
	if s == "" || s == "null" {
		return 0, nil
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not an integer", s)
	}
	return v, nil
}

// A Duration is written and read as hours, minutes and seconds, with days
// before and a fraction behind when needed: [d.]hh:mm:ss[.fffffff].
type Duration time.Duration

// MarshalJSON implements [json.Marshaler].
func (d Duration) MarshalJSON() ([]byte, error) {
	v := time.Duration(d)
	if v < 0 {
		return nil, fmt.Errorf("duration %s is negative", v)
	}
	s := fmt.Sprintf("%02d:%02d:%02d", int(v.Hours())%24, int(v.Minutes())%60, int(v.Seconds())%60)
	if days := int(v.Hours()) / 24; days > 0 {
		s = strconv.Itoa(days) + "." + s
	}
	if ticks := v % time.Second / 100; ticks > 0 {
		s += fmt.Sprintf(".%07d", int64(ticks))
	}
	return []byte(`"` + s + `"`), nil
}

// UnmarshalJSON implements [json.Unmarshaler].
func (d *Duration) UnmarshalJSON(b []byte) error {
	s := string(bytes.Trim(b, `"`))
	if s == "" || s == "null" {
		*d = 0
		return nil
	}
	bad := fmt.Errorf("%q is not a duration", s)
	parts := strings.Split(s, ":")
	if len(parts) != 3 {
		return bad
	}
	days, hours, ok := strings.Cut(parts[0], ".")
	if !ok {
		days, hours = "0", parts[0]
	}
	total := time.Duration(0)
	for _, p := range []struct {
		text string
		unit time.Duration
	}{{days, 24 * time.Hour}, {hours, time.Hour}, {parts[1], time.Minute}} {
		n, err := strconv.ParseUint(p.text, 10, 16)
		if err != nil {
			return bad
		}
		total += time.Duration(n) * p.unit
	}
	sec, err := strconv.ParseFloat(parts[2], 64)
	if err != nil || sec < 0 || sec >= 60 {
		return bad
	}
	*d = Duration(total + time.Duration(sec*1e7)*100)
	return nil
}
