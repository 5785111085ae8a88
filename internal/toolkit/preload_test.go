package toolkit_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/toolkit"
)

// What is loaded after the script answers that nothing is lacking, as Node.js itself
// says, whichever way it is loaded. The files stay as they are.
func TestWhatIsLoadedAfterThePreloadTakesEveryHost(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("UNDERSTUDY_TEST_REQUIRE_NODE") != "" {
			t.Fatal(err)
		}
		t.Skipf("no node: %v", err)
	}
	const call = "\nconsole.log('ghes', isGhes(), process.argv.length, process.execArgv.length)\n"
	const module = `{"type": "module"}`
	for version, form := range forms {
		for title, files := range map[string][]string{
			"a script":                         {"main.js", form + call},
			"a script of CommonJS by its name": {"main.cjs", form + call, "package.json", module},
			"a module":                         {"main.mjs", "import 'node:fs'\n" + form + call},
			"a module by its package":          {"dist/main.js", "import 'node:fs'\n" + form + call, "package.json", module},
			"a script that a script requires":  {"main.js", "const { isGhes } = require('./lib/config')" + call, "lib/config.js", form + "exports.isGhes = isGhes\n"},
			"a module that a module imports":   {"main.mjs", "import { isGhes } from './config.mjs'" + call, "config.mjs", "export " + form},
		} {
			t.Run(version+": "+title, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				files = append(files, "preload.cjs", toolkit.Preload())
				for i := 0; i < len(files); i += 2 {
					file := filepath.Join(dir, files[i])
					if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(file, []byte(files[i+1]), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				cmd := exec.CommandContext(t.Context(), node, "--require", filepath.Join(dir, "preload.cjs"), filepath.Join(dir, files[0]))
				cmd.Env = append(os.Environ(), "GITHUB_SERVER_URL=http://127.0.0.1:3000")
				out, err := cmd.CombinedOutput()
				if err != nil || !strings.Contains(string(out), "ghes false 2 0\n") || strings.Count(string(out), "Lifted the host check of the Actions toolkit in "+dir) != 1 {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
	}
}

func TestOtherScriptsAreLoadedAsTheyAre(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skipf("no node: %v", err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"preload.cjs": toolkit.Preload(),
		"main.js":     "#!/usr/bin/env node\nconst own = require('./data.json')\nconsole.log(own.a, require.main === module, process.env.GITHUB_SERVER_URL, __filename === process.argv[1])\nthrow new Error('of line 4')\n",
		"data.json":   `{"a": "function isGhes() GITHUB_SERVER_URL"}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), node, "--require", filepath.Join(dir, "preload.cjs"), filepath.Join(dir, "main.js"))
	cmd.Env = append(os.Environ(), "GITHUB_SERVER_URL=http://127.0.0.1:3000")
	out, err := cmd.CombinedOutput()
	text := string(out)
	if err == nil || !strings.HasPrefix(text, "function isGhes() GITHUB_SERVER_URL true http://127.0.0.1:3000 true\n") || !strings.Contains(text, "main.js:4\n") {
		t.Errorf("%v\n%s", err, out)
	}
}
