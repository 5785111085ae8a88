package store

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"time"
)

// micros is how a time is kept: microseconds UTC, 0 for the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// A moment scans what micros wrote.
type moment struct{ t *time.Time }

func (m moment) Scan(src any) error {
	n, ok := src.(int64)
	if !ok {
		return fmt.Errorf("time is %T, not int64", src)
	}
	*m.t = time.Time{}
	if n != 0 {
		*m.t = time.UnixMicro(n).UTC()
	}
	return nil
}

// flag is how a boolean is kept.
func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// A truth scans what flag wrote.
type truth struct{ b *bool }

func (t truth) Scan(src any) error {
	n, ok := src.(int64)
	if !ok {
		return fmt.Errorf("boolean is %T, not int64", src)
	}
	*t.b = n != 0
	return nil
}

// text is how a list or map is kept.
func text(v any) driver.Valuer { return encoded{v} }

type encoded struct{ v any }

// Value is the JSON text. What does not encode fails the statement.
func (e encoded) Value() (driver.Value, error) {
	b, err := json.Marshal(e.v)
	if err != nil {
		return nil, fmt.Errorf("%T does not encode: %w", e.v, err)
	}
	return string(b), nil
}

// A decoded scans what text wrote.
type decoded struct{ into any }

func (d decoded) Scan(src any) error {
	switch s := src.(type) {
	case string:
		if s == "{}" || s == "[]" { // most are empty, and what they go into is new
			return nil
		}
		return json.Unmarshal([]byte(s), d.into)
	case []byte:
		return json.Unmarshal(s, d.into)
	}
	return fmt.Errorf("JSON text is %T", src)
}

// A span scans a duration kept in microseconds.
type span struct{ d *time.Duration }

func (s span) Scan(src any) error {
	n, ok := src.(int64)
	if !ok {
		return fmt.Errorf("duration is %T, not int64", src)
	}
	*s.d = time.Duration(n) * time.Microsecond
	return nil
}
