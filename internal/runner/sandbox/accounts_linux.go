package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// accounts gives the user of the sandbox a name and a home, which programs look up
// in /etc/passwd, and its group a name.
func (b *builder) accounts(v *View) error {
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 {
		uid, gid = v.UID, v.UID
	}
	for _, file := range []struct {
		name, line string
		id         int
	}{
		{"passwd", fmt.Sprintf("%s:x:%d:%d::%s:%s", v.Login, uid, gid, v.Home.Target, shell()), uid},
		{"group", fmt.Sprintf("%s:x:%d:", v.Login, gid), gid},
	} {
		path := filepath.Join("/etc", file.name)
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // there is no place for a mount
		}
		if err != nil {
			return err
		}
		ours := filepath.Join("/run", file.name)
		if err := os.WriteFile(b.at(ours), withEntry(text, v.Login, file.id, file.line), 0o644); err != nil {
			return err
		}
		if err := b.bind(b.at(ours), path, readOnly); err != nil {
			return err
		}
	}
	return nil
}

// withEntry is a file of accounts or groups with a line of ours, and without those
// that have its name or number.
func withEntry(text []byte, name string, id int, line string) []byte {
	var b strings.Builder
	b.WriteString(line + "\n")
	for old := range strings.Lines(string(text)) {
		fields := strings.Split(strings.TrimSuffix(old, "\n"), ":")
		if len(fields) < 3 || fields[0] == name || fields[2] == strconv.Itoa(id) {
			continue
		}
		b.WriteString(strings.TrimSuffix(old, "\n") + "\n")
	}
	return []byte(b.String())
}

func shell() string {
	const bash = "/bin/bash"
	if _, err := os.Stat(bash); err == nil {
		return bash
	}
	return "/bin/sh"
}
