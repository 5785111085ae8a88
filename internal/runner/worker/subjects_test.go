package worker

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/wire"
)

const emptySum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func declaring(b *bench) *bench {
	b.job.Message.Variables[wire.VarArtifactsFile] = wire.Variable{Value: "true"}
	return b
}

func TestStepsSeeWhatEarlierOnesDeclareAsArtifacts(t *testing.T) {
	image := "Registry.example/a@sha256:" + strings.ToUpper(emptySum)
	b := declaring(newBench(t,
		script("cat $GITHUB_ARTIFACTS_LIST; echo; mkdir out; touch out/z\nprintf '# made\\n\\n out/z \\r\\nfile://out/z\\noci://%s\\n' '"+image+"' >>$GITHUB_ARTIFACTS; echo x >$GITHUB_ARTIFACTS_LIST"),
		script("cat $GITHUB_ARTIFACTS_LIST; echo; echo $PWD/out/z >$GITHUB_ARTIFACTS; ls ${GITHUB_ENV%/*} | wc -l"),
	))
	res := b.run()
	equal(t, "conclusion", res.Conclusion, wire.Succeeded)
	equal(t, "reported", fmt.Sprint(res.Subjects), fmt.Sprintf("[{Registry.example/a sha256:%[1]s oci} {z sha256:%[1]s file}]", emptySum))
	equal(t, "first", b.output("s1"), `{"version":1,"subjects":[]}`+"\nCaptured 2 artifact subject(s) from this step (job total: 2).\n")
	equal(t, "second", b.output("s2"), fmt.Sprintf(`{"version":1,"subjects":[{"name":"Registry.example/a","digest":"sha256:%[1]s","kind":"oci"},{"name":"z","digest":"sha256:%[1]s","kind":"file"}]}`, emptySum)+"\n7\n")
}

func TestWrongDeclarationsOfArtifactsFailTheStep(t *testing.T) {
	for _, test := range []struct{ name, line, want string }{
		{"equals", "a=b", "entries containing '=' are reserved and not permitted"},
		{"no path", "FILE:// ", "file:// entries must include a path"},
		{"no digest", "oci://a", "oci:// entries must include an @sha{256,384,512}:<hex> digest"},
		{"short digest", "oci://a@sha384:ab", "digest 'sha384' must be 96 hex characters, got 2"},
		{"scheme", "https://example.com/x", "unsupported URI scheme"},
		{"directory", ".", "'.' is a directory, not a regular file"},
		{"pipe", "pipe", "'pipe' is a named pipe, not a regular file"},
		{"not there", "/no/where", "file '/no/where' does not exist"},
		{"not an image", "a@sha256:ab", "file 'a@sha256:ab' does not exist (relative paths are resolved against the workspace root 'WORKSPACE')"},
		{"long", strings.Repeat("a", 1025) + "@sha256:" + emptySum, "the reference is longer than 1024 bytes"},
		{"another digest", "a@sha256:" + strings.Repeat("0", 64), "Conflicting digest for artifact 'a': previously declared as 'sha256:" + emptySum + "', now declared as 'sha256:" + strings.Repeat("0", 64) + "'."},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := declaring(newBench(t,
				script("mkfifo pipe; echo a@sha256:"+emptySum+" >$GITHUB_ARTIFACTS"),
				script("printf '\\n%s\\n' '"+test.line+"' >$GITHUB_ARTIFACTS"), script("cat $GITHUB_ARTIFACTS_LIST", when("always()")),
			))
			equal(t, "conclusion", b.run().Conclusion, wire.Failed)
			want := strings.ReplaceAll(test.want, "WORKSPACE", filepath.Join(b.job.WorkDir, "hello", "hello"))
			equal(t, "log", b.output("s2"), "##[error]Unable to process file command 'artifacts' successfully.\n"+
				"##[error]Invalid $GITHUB_ARTIFACTS entry on line 2: "+want+"\n")
			contains(t, "list", b.output("s3"), `[{"name":"a",`)
		})
	}
}

func TestArtifactsThatStepsDeclareHaveALimit(t *testing.T) {
	b := declaring(newBench(t,
		script("head -c 1048577 /dev/zero >$GITHUB_ARTIFACTS"),
		script("for i in $(seq 501); do echo $i@sha256:"+emptySum+"; done >$GITHUB_ARTIFACTS", when("always()")),
	))
	b.run()
	contains(t, "first", b.output("s1"), "$GITHUB_ARTIFACTS file exceeds the maximum size of 1024 KiB (got 1024 KiB).")
	contains(t, "second", b.output("s2"), "line 501: The job has exceeded the maximum of 500 declared artifacts.")
}

func TestWithoutTheServersLeaveNothingIsDeclared(t *testing.T) {
	b := newBench(t, script("echo a=b >$GITHUB_ARTIFACTS; wc -c <$GITHUB_ARTIFACTS_LIST"))
	equal(t, "conclusion", b.run().Conclusion, wire.Succeeded)
	equal(t, "log", strings.TrimSpace(b.output("s1")), "0")
}
