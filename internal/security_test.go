package internal_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each row of docs/security.md says what happens, and names the tests that hold it or
// says that there is nothing to attack.
func TestTestsOfTheSecurityTableAreThere(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile("`([a-z0-9/]+)\\.((?:Test|Fuzz)[A-Za-z0-9]+)`")
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| attack") || strings.HasPrefix(line, "| ---") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		tests := name.FindAllStringSubmatch(cells[len(cells)-1], -1)
		if len(cells) != 3 || strings.TrimSpace(cells[1]) == "" {
			t.Errorf("not an attack, what happens, and what holds it: %.60q", line)
		}
		if len(tests) == 0 && strings.TrimSpace(cells[len(cells)-1]) != "not built" {
			t.Errorf("no test holds %.60q", line)
		}
		for _, m := range tests {
			if !declares(t, m[1], m[2]) {
				t.Errorf("%s has no %s", m[1], m[2])
			}
		}
	}
}

// declares says whether a test file of a package has the function.
func declares(t *testing.T, pkg, function string) bool {
	t.Helper()
	dir := filepath.FromSlash(pkg)
	if pkg == "e2e" {
		dir = filepath.Join("..", pkg)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+function+"(") {
			return true
		}
	}
	return false
}
