package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Programs are the directories to show so that the programs of path, a PATH, are
// found although home and the homes of others are hidden. Of a directory that is
// deep in a home, such as .nvm/versions/node/v24.0.0/bin, and of shims, that is the one
// around it: its programs need the rest of what was installed there. Of one closer to
// the home, such as .local/bin, it is only that itself and its libraries: keys and
// passwords may be beside it.
func Programs(path, home string) []string {
	var show []string
	for _, dir := range filepath.SplitList(path) {
		within, ok := withinHome(dir, home)
		if !ok {
			continue
		}
		parts := strings.Split(within, "/")
		around := filepath.Dir(dir)
		found := []string{dir, filepath.Join(around, "lib")}
		if last := parts[len(parts)-1]; len(parts) > 1 && last == "shims" || len(parts) > 2 && (last == "bin" || last == "sbin") {
			found = []string{around}
		}
		for _, d := range found {
			if info, err := os.Stat(d); err == nil && info.IsDir() && !slices.Contains(show, d) {
				show = append(show, d)
			}
		}
	}
	return show
}

// withinHome is the path of dir below the home that it is in.
func withinHome(dir, home string) (path string, ok bool) {
	if !filepath.IsAbs(dir) || filepath.Clean(dir) != dir {
		return "", false
	}
	for _, h := range []string{home, "/root"} {
		if within, found := strings.CutPrefix(dir, strings.TrimSuffix(h, "/")+"/"); found && len(h) > 1 {
			return within, true
		}
	}
	if within, found := strings.CutPrefix(dir, "/home/"); found {
		_, within, found = strings.Cut(within, "/")
		return within, found && within != ""
	}
	return "", false
}
