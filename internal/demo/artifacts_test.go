package demo

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestChecksumsMustFitAllFiles(t *testing.T) {
	line := func(name, text string) string { return sumOf([]byte(text)) + "  " + name + "\n" }
	good := map[string]string{"a": "one", "b": "two", sums: line("a", "one") + line("b", "two")}
	for name, c := range map[string]struct {
		change map[string]string
		want   string
	}{
		"all of it":    {nil, ""},
		"other bytes":  {map[string]string{"b": "three"}, "b does not have the checksum"},
		"not listed":   {map[string]string{"c": "three"}, "lists 2 files of 3"},
		"no list":      {map[string]string{sums: ""}, "lists 0 files of 2"},
		"missing file": {map[string]string{sums: line("x", "y")}, "open x: file does not exist"},
	} {
		files := make(fstest.MapFS)
		for _, m := range []map[string]string{good, c.change} {
			for file, text := range m {
				files[file] = &fstest.MapFile{Data: []byte(text)}
			}
		}
		n, err := checkSums(files)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && n != len(good) {
			t.Errorf("%s: %d files", name, n)
		}
	}
}
