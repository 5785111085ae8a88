package store_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Databases of every version that landed are migrated, so a migration that has
// landed never changes. When it lands, a new one is added to the list:
// (cd internal/store/migrations && sha256sum *.sql) >internal/store/testdata/migrations.sha256
func TestMigrationsThatLandedNeverChange(t *testing.T) {
	list, err := os.Open("testdata/migrations.sha256")
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	frozen := map[string]string{} // sum by name of the file
	for lines := bufio.NewScanner(list); lines.Scan(); {
		sum, name, _ := strings.Cut(lines.Text(), "  ")
		frozen[name] = sum
	}
	files, err := filepath.Glob("migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name, sum := filepath.Base(file), sha256.Sum256(text)
		switch want, listed := frozen[name]; {
		case !listed:
			t.Errorf("%s is not in testdata/migrations.sha256", name)
		case want != hex.EncodeToString(sum[:]):
			t.Errorf("%s has landed and must not change: write a new migration", name)
		}
		delete(frozen, name)
	}
	for name := range frozen {
		t.Errorf("%s has landed and is gone", name)
	}
}
