package db

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"time"
)

// Micros is how a time is kept: microseconds UTC, 0 for the zero time.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Time scans into t what [Micros] wrote.
func Time(t *time.Time) sql.Scanner { return scanTime{t} }

type scanTime struct{ into *time.Time }

func (s scanTime) Scan(src any) error {
	n, ok := src.(int64)
	if !ok {
		return fmt.Errorf("time is %T, not int64", src)
	}
	*s.into = time.Time{}
	if n != 0 {
		*s.into = time.UnixMicro(n).UTC()
	}
	return nil
}

// Duration scans into d a duration that is kept in microseconds.
func Duration(d *time.Duration) sql.Scanner { return scanDuration{d} }

type scanDuration struct{ into *time.Duration }

func (s scanDuration) Scan(src any) error {
	n, ok := src.(int64)
	if !ok {
		return fmt.Errorf("duration is %T, not int64", src)
	}
	*s.into = time.Duration(n) * time.Microsecond
	return nil
}

// Flag is how a boolean is kept.
func Flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// Bool scans into b what [Flag] wrote.
func Bool(b *bool) sql.Scanner { return scanBool{b} }

type scanBool struct{ into *bool }

func (s scanBool) Scan(src any) error {
	n, ok := src.(int64)
	if !ok {
		return fmt.Errorf("boolean is %T, not int64", src)
	}
	*s.into = n != 0
	return nil
}

// Text is how a list or map is kept: as JSON.
func Text(v any) driver.Valuer { return jsonText{v} }

type jsonText struct{ v any }

// Value is the JSON text. What does not encode fails the statement.
func (j jsonText) Value() (driver.Value, error) {
	b, err := json.Marshal(j.v)
	if err != nil {
		return nil, fmt.Errorf("%T does not encode: %w", j.v, err)
	}
	return string(b), nil
}

// JSON scans into a new variable what [Text] wrote.
func JSON(into any) sql.Scanner { return scanJSON{into} }

type scanJSON struct{ into any }

func (s scanJSON) Scan(src any) error {
	switch text := src.(type) {
	case string:
		if text == "{}" || text == "[]" { // most are empty, and what they go into is new
			return nil
		}
		return json.Unmarshal([]byte(text), s.into)
	case []byte:
		return json.Unmarshal(text, s.into)
	}
	return fmt.Errorf("JSON text is %T", src)
}
