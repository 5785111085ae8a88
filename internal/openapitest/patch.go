package openapitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

const changesKey = "x-github-breaking-changes"

// A change is one difference of a later version, beside what it changes.
type change struct {
	Changeset string          `json:"changeset"`
	Version   string          `json:"version"`
	Patch     json.RawMessage `json:"patch"` // a merge patch (RFC 7396), or a JSON patch (RFC 6902)
}

// patched applies the changes that the version asked for brings.
func patched(raw json.RawMessage, version string) (json.RawMessage, error) {
	if version != later || !bytes.Contains(raw, []byte(changesKey)) {
		return raw, nil
	}
	var value map[string]any
	var marked struct {
		Changes []change `json:"x-github-breaking-changes"`
	}
	if err := json.Unmarshal(raw, &value); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &marked); err != nil {
		return nil, err
	}
	delete(value, changesKey)
	for _, c := range marked.Changes {
		if c.Version != version {
			continue
		}
		if err := c.apply(value); err != nil {
			return nil, fmt.Errorf("change %s: %w", c.Changeset, err)
		}
	}
	return json.Marshal(value)
}

func (c change) apply(value map[string]any) error {
	var merge map[string]any
	if json.Unmarshal(c.Patch, &merge) == nil {
		mergePatch(value, merge, "")
		return nil
	}
	var steps []patchStep
	if err := json.Unmarshal(c.Patch, &steps); err != nil {
		return err
	}
	for _, s := range steps {
		if _, err := s.apply(value, strings.Split(s.Path, "/")[1:], ""); err != nil {
			return fmt.Errorf("%s %s: %w", s.Op, s.Path, err)
		}
	}
	return nil
}

// absent is the schema of a property that a version has removed: it takes no
// value. Without any schema for it, an answer could keep the property.
const absent = false

// mergePatch merges a patch into the object that is its parent's member key.
func mergePatch(object, patch map[string]any, key string) {
	for _, k := range slices.Sorted(maps.Keys(patch)) {
		sub, isObject := patch[k].(map[string]any)
		switch {
		case patch[k] == nil && key == "properties":
			object[k] = absent
		case patch[k] == nil:
			delete(object, k)
		case isObject:
			old, _ := object[k].(map[string]any)
			if old == nil {
				old = map[string]any{}
			}
			mergePatch(old, sub, k)
			object[k] = old
			if _, refers := sub["$ref"]; refers { // nothing may stand beside it
				object[k] = map[string]any{"$ref": sub["$ref"]}
			}
		default:
			object[k] = patch[k]
		}
	}
}

type patchStep struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

var unescapePointer = strings.NewReplacer("~1", "/", "~0", "~")

// apply does one step of a JSON patch and returns the changed value. Key is
// the member of its parent that the value is.
func (s patchStep) apply(value any, path []string, key string) (any, error) {
	k := unescapePointer.Replace(path[0])
	switch v := value.(type) {
	case map[string]any:
		old, ok := v[k]
		if !ok && (len(path) > 1 || s.Op != "add") {
			return nil, fmt.Errorf("no member %q", k)
		}
		return v, s.member(v, k, old, path, key)
	case []any:
		i, err := strconv.Atoi(k)
		if err != nil || i < 0 || i >= len(v) {
			return nil, fmt.Errorf("no index %q", k)
		}
		if len(path) > 1 {
			v[i], err = s.apply(v[i], path[1:], k)
			return v, err
		}
		switch s.Op {
		case "remove":
			return slices.Delete(v, i, i+1), nil
		case "replace":
			v[i] = s.Value
			return v, nil
		}
	}
	return nil, fmt.Errorf("cannot %s at %q", s.Op, k)
}

func (s patchStep) member(object map[string]any, k string, old any, path []string, key string) error {
	if len(path) > 1 {
		changed, err := s.apply(old, path[1:], k)
		object[k] = changed
		return err
	}
	switch s.Op {
	case "remove":
		delete(object, k)
		if key == "properties" {
			object[k] = absent
		}
	case "add", "replace":
		object[k] = s.Value
	default:
		return fmt.Errorf("unknown operation %q", s.Op)
	}
	return nil
}
