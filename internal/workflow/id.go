package workflow

import (
	"fmt"
	"strconv"
	"strings"
)

const maxID = 100 // ids are shorter than this (YAML-7)

// checkID says what is wrong with an id that a user wrote, or nothing. Those that are
// reserved in workflows may be used in actions.
func checkID(id string, action bool) string {
	switch {
	case !validID(id):
		return fmt.Sprintf("The identifier '%s' is invalid. IDs may only contain alphanumeric characters, '_', and '-'. "+
			"IDs must start with a letter or '_' and must be less than %d characters.", id, maxID)
	case strings.HasPrefix(id, "__") && !action:
		return fmt.Sprintf("The identifier '%s' is invalid. IDs starting with '__' are reserved.", id)
	}
	return ""
}

func validID(id string) bool {
	if id == "" || len(id) >= maxID || id[0] == '-' || id[0] >= '0' && id[0] <= '9' {
		return false
	}
	return strings.IndexFunc(id, notIDChar) < 0
}

func notIDChar(c rune) bool {
	return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-'
}

// ids are the step ids of one scope, in lower case.
type ids map[string]bool

// add takes the id, and says whether it was free.
func (s ids) add(id string) bool {
	key := strings.ToLower(id)
	if s[key] {
		return false
	}
	s[key] = true
	return true
}

// generate makes an id from base and takes it: characters that no id may have become
// "_", and an id that is taken gets a number. next remembers the last number of each
// base, so that a thousand equal steps cost a thousand tries and not half a million.
func (s ids) generate(base string, next map[string]int) string {
	base = strings.Map(func(c rune) rune {
		if notIDChar(c) {
			return '_'
		}
		return c
	}, base)
	base = base[:min(len(base), maxID)]
	for n := max(next[base], 1); ; n++ {
		suffix := ""
		if n > 1 {
			suffix = "_" + strconv.Itoa(n)
		}
		id := base[:min(len(base), maxID-len(suffix))] + suffix
		if s.add(id) {
			next[base] = n + 1
			return id
		}
	}
}
