package results

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
)

const xmlHead = `<?xml version="1.0" encoding="utf-8" standalone="yes"?>`

// BLOB-2: the SDKs write Latest only; Azure knows three.
func TestAListOfBlocksIsReadInItsOrder(t *testing.T) {
	for text, want := range map[string][]string{
		xmlHead + `<BlockList><Latest>Yg==</Latest><Latest>YQ==</Latest></BlockList>`: {"b", "a"},
		`<BlockList/>`: {},
		xmlHead + "\n<BlockList>\n  <Committed>YQ==</Committed>\n  <Uncommitted>\n Yg== </Uncommitted>\n</BlockList>\n": {"a", "b"},
		`<BlockList><!-- x --><Latest>Y<![CDATA[Q]]>=&#61;</Latest></BlockList>`:                                        {"a"},
		`<a:BlockList xmlns:a="x"><a:Latest>YQ==</a:Latest></a:BlockList>`:                                              {"a"},
	} {
		got, err := readBlockList(strings.NewReader(text))
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("%s: %v\n%s", text, err, d)
		}
	}
}

// Threat: partial or out-of-order block upload, repeated block ids, commit listing
// unknown blocks: what is no list is told so, and costs little.
func TestWhatIsNoListOfBlocksIsRefused(t *testing.T) {
	id := func(n int) string { return base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", n))) }
	for name, c := range map[string]struct{ text, code string }{
		"empty":            {"", "InvalidXmlDocument"},
		"JSON":             {"[]", "InvalidXmlDocument"},
		"cut off":          {"<BlockList><Latest>YQ==</Latest>", "InvalidXmlDocument"},
		"other root":       {"<Blocks/>", "InvalidXmlDocument"},
		"two roots":        {"<BlockList/><BlockList/>", "InvalidXmlDocument"},
		"other element":    {"<BlockList><Oldest>YQ==</Oldest></BlockList>", "InvalidXmlDocument"},
		"nested":           {"<BlockList><Latest><Latest>YQ==</Latest></Latest></BlockList>", "InvalidXmlDocument"},
		"deep":             {strings.Repeat("<BlockList>", 100_000), "InvalidXmlDocument"},
		"text":             {"<BlockList>YQ==</BlockList>", "InvalidXmlDocument"},
		"document type":    {`<!DOCTYPE a [<!ENTITY b "YQ==">]><BlockList><Latest>&b;</Latest></BlockList>`, "InvalidXmlDocument"},
		"other encoding":   {`<?xml version="1.0" encoding="utf-16"?><BlockList/>`, "InvalidXmlDocument"},
		"no id":            {"<BlockList><Latest/></BlockList>", "InvalidBlockId"},
		"no base64":        {"<BlockList><Latest>a-b_</Latest></BlockList>", "InvalidBlockId"},
		"without padding":  {"<BlockList><Latest>YQ</Latest></BlockList>", "InvalidBlockId"},
		"id of 65 bytes":   {"<BlockList><Latest>" + id(65) + "</Latest></BlockList>", "InvalidBlockId"},
		"endless id":       {"<BlockList><Latest>" + strings.Repeat("YQ==\n", 1<<20), "InvalidBlockId"},
		"100,000 blocks":   {"<BlockList>" + strings.Repeat("<Latest>YQ==</Latest>", 100_000) + "</BlockList>", "BlockListTooLong"},
		"one block beyond": {"<BlockList>" + strings.Repeat("<Latest>YQ==</Latest>", maxListed+1) + "</BlockList>", "BlockListTooLong"},
	} {
		got, err := readBlockList(strings.NewReader(c.text))
		e, ok := errors.AsType[*azureError](err)
		if !ok || e.code != c.code || actions.KindOf(err) != actions.Malformed {
			t.Errorf("%s: got %d entries, %v, want %s", name, len(got), err, c.code)
		}
	}
	long := "<BlockList>" + strings.Repeat("<Latest>"+id(maxBlockID)+"</Latest>", maxListed) + "</BlockList>"
	if got, err := readBlockList(strings.NewReader(long)); err != nil || len(got) != maxListed || len(long) > maxList {
		t.Errorf("the longest list has %d bytes, and is read as %d entries, %v", len(long), len(got), err)
	}
}

func FuzzReadBlockList(f *testing.F) {
	f.Add(xmlHead + `<BlockList><Latest>Yg==</Latest><Committed>YQ==</Committed></BlockList>`)
	f.Add(`<BlockList/>`)
	f.Fuzz(func(t *testing.T, text string) {
		names, err := readBlockList(strings.NewReader(text))
		if err != nil {
			if actions.KindOf(err) != actions.Malformed {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		var b strings.Builder
		for _, name := range names {
			fmt.Fprintf(&b, "<Latest>%s</Latest>", base64.StdEncoding.EncodeToString([]byte(name)))
		}
		again, err := readBlockList(strings.NewReader("<BlockList>" + b.String() + "</BlockList>"))
		if err != nil || !slices.Equal(names, again) {
			t.Errorf("%q: %q comes back as %q, %v", text, names, again, err)
		}
	})
}

func BenchmarkReadBlockList(b *testing.B) {
	text := xmlHead + "<BlockList>" + strings.Repeat("<Latest>"+base64.StdEncoding.EncodeToString(make([]byte, 48))+"</Latest>", 1000) + "</BlockList>"
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := readBlockList(strings.NewReader(text)); err != nil {
			b.Fatal(err)
		}
	}
}

// Threat: endless chunked body: who sends 16 MB of one comment would have them kept
// in memory until it ends.
func TestAListOfBlocksIsNotReadFurtherThanOneLongToken(t *testing.T) {
	const most = 64 << 10
	for name, begin := range map[string]string{
		"comment":    "<BlockList><!--",
		"text":       "<BlockList>",
		"id":         "<BlockList><Latest>",
		"tag":        "<BlockList><",
		"attribute":  `<BlockList a="`,
		"declare":    "<?xml ",
		"directive":  "<!DOCTYPE ",
		"characters": "<BlockList><![CDATA[",
	} {
		body := strings.NewReader(begin + strings.Repeat("x", 1<<20))
		_, err := readBlockList(body)
		if e, ok := errors.AsType[*azureError](err); !ok || e.code != "InvalidXmlDocument" && e.code != "InvalidBlockId" {
			t.Errorf("%s: %v", name, err)
		}
		if read := body.Size() - int64(body.Len()); read > most {
			t.Errorf("%s: %d bytes were read", name, read)
		}
	}
}
