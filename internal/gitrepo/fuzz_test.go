package gitrepo

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
)

// The hook says what a push wants in lines, and is told yes or no in one.
func FuzzAProposalIsReadAsTheHookWritesIt(f *testing.F) {
	zero, one := actions.ZeroSHA, strings.Repeat("1", 40)
	for _, text := range []string{
		"", "\n", "\nend\n", "/repos/1/objects/incoming-x\nend\n", "q\n" + zero + " " + one + " refs/heads/main\nend\n",
		"q\n" + zero + " " + one + " refs/heads/main\n", "q\n" + strings.Repeat(zero+" "+one+" refs/heads/a\n", 5) + "end\n",
		"q\n" + zero + " " + one + " refs/heads/with space\nend\nmore", "q\n" + zero + "  refs/heads/main\nend\n", "q\nend", "q\r\nend\r\n",
	} {
		f.Add([]byte(text), "error: no\x1b[31m\nyes\n")
	}
	const most = 3
	f.Fuzz(func(t *testing.T, text []byte, message string) {
		quarantine, updates, err := readProposal(bytes.NewReader(text), most)
		if err == nil && !bytes.ContainsRune(text, '\r') { // of which git writes none
			again := quarantine + "\n"
			for _, u := range updates {
				again += u.Before + " " + u.After + " " + u.Ref + "\n"
			}
			back, same, err := readProposal(strings.NewReader(again+"end\n"), most)
			if d := cmp.Diff(updates, same); err != nil || back != quarantine || d != "" || len(updates) > most {
				t.Errorf("%q: %d updates, %v %s", text, len(updates), err, d)
			}
		}
		var answer bytes.Buffer
		if err := writeAnswer(&answer, &Refusal{Message: message}); err != nil || !strings.HasPrefix(answer.String(), "no\n") {
			t.Errorf("a refusal is %q, %v", answer.String(), err)
		}
		if strings.ContainsAny(answer.String(), "\x1b\x00\r\u009b") || !utf8.Valid(answer.Bytes()) {
			t.Errorf("%q steers a terminal", answer.String())
		}
	})
}

// A directory is read whole, with names that are no paths, or not at all.
func FuzzATreeIsReadAsItIsWritten(f *testing.F) {
	id := string(bytes.Repeat([]byte{7}, 20))
	for _, text := range []string{
		"", "100644 a.txt\x00" + id, "40000 dir\x00" + id + "100755 run\x00" + id + "120000 link\x00" + id + "160000 module\x00" + id,
		"100644 a/b\x00" + id, "100644 \x00" + id, "100644 ..\x00" + id, "777777777777 a\x00" + id, "-1 a\x00" + id, "100644 a\x00" + id[:19], "100644a\x00" + id,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		entries, err := parseTree(text)
		if err != nil {
			return
		}
		var again bytes.Buffer
		for _, e := range entries {
			if e.Name == "" || strings.ContainsAny(e.Name, "/\x00") || !IsSHA(e.SHA) {
				t.Errorf("%q has the entry %+v", text, e)
			}
			raw, _ := hex.DecodeString(e.SHA)
			fmt.Fprintf(&again, "%o %s\x00%s", e.Mode, e.Name, raw)
		}
		same, err := parseTree(again.Bytes())
		if d := cmp.Diff(entries, same); err != nil || d != "" {
			t.Errorf("%q: %v %s", text, err, d)
		}
	})
}

// Whatever stands in a commit, an answer of the API can show it.
func FuzzACommitCanBeShown(f *testing.F) {
	for _, text := range []string{
		"", "\n\n", "tree 1\nparent 2\nparent 3\nauthor A U Thor <a@example.com> 1700000000 +0130\ncommitter C <c@example.com> 1700000100 -0800\n\nmessage\n",
		"author A <a@b> 253402300799 +0000\n\n", "author A <a@b> 253402214398 +1400\n\n", "author A <a@b> 1 +2400\n\n", "author A <a@b> 1 -2360\n\n",
		"author A <a@b> 1 +9999\n\n", "author <<>> -1 +0000\n\n", "author \xff <\xfe> x\n\n\xff\xfe", "gpgsig -----BEGIN\n author forged <x@y> 1 +0000\n\nx",
	} {
		f.Add(text)
	}
	sha := strings.Repeat("1", 40)
	f.Fuzz(func(t *testing.T, text string) {
		c := parseCommit(sha, text)
		b, err := json.Marshal(c)
		if err != nil {
			t.Fatalf("%q cannot be shown: %v", text, err)
		}
		for _, s := range append([]string{c.Message, c.Tree, c.Author.Name, c.Author.Email, c.Committer.Name, c.Committer.Email}, c.Parents...) {
			if !utf8.ValidString(s) || len(s) > 3*len(text) {
				t.Errorf("%q has %q", text, s)
			}
		}
		var back Commit
		if err := json.Unmarshal(b, &back); err != nil || back.SHA != sha {
			t.Errorf("%s: %v", b, err)
		}
	})
}

// A line of the file of packed refs is a ref, or nothing.
func FuzzPackedRefsHaveNames(f *testing.F) {
	one := strings.Repeat("1", 40)
	for _, text := range []string{
		"", "# pack-refs with: peeled fully-peeled sorted \n" + one + " refs/heads/main\n" + one + " refs/tags/v1\n^" + one + "\n",
		one + "\n", one + " ", strings.Repeat("z", 40) + " refs/heads/main\n", strings.ToUpper(strings.Repeat("a", 40)) + " refs/heads/x\n", one + " a b\r\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		found := 0
		err := readPacked(strings.NewReader(text), func(name, sha string) bool {
			found++
			if !IsSHA(sha) || strings.Contains(name, "\n") || !strings.Contains(text, sha+" "+name) {
				t.Errorf("%q has the ref %q at %q", text, name, sha)
			}
			return found < 3
		})
		if err == nil && found > min(3, strings.Count(text, "\n")+1) {
			t.Errorf("%q has %d refs", text, found)
		}
	})
}

// Names that are taken stay below the directory of the repository, and are no options.
func FuzzNamesStayBelowTheRepository(f *testing.F) {
	for _, name := range []string{
		"refs/heads/main", "refs/heads/a/b.c", "refs/tags/v1.0", "refs/heads/../x", "refs/heads/-x", "-x", "refs/heads/a.lock", "refs//x", "refs/heads/.git",
		"refs/heads/a@{1}", "refs/heads/\x00", "refs/heads/ü", "refs/heads/a\nb", "refs/pull/1/head", "HEAD", "../../etc", "a/./b", "a//b", "/a", "a/", ".git/config", "",
	} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if CheckRef(name) == nil {
			if !filepath.IsLocal(name) || path.Clean(name) != name || len(name) > maxRefName || !strings.HasPrefix(name, "refs/") ||
				strings.ContainsAny(name, "\n\x00 \\:") || strings.Contains(name, "/-") || !utf8.ValidString(name) {
				t.Errorf("%q is taken for a ref", name)
			}
		}
		if name != "" && checkPath(name) == nil {
			if !filepath.IsLocal(name) || path.Clean(name) != name || len(name) > maxPath || strings.ContainsAny(name, "\n\r\x00") {
				t.Errorf("%q is taken for a path", name)
			}
		}
	})
}
