package artifact_test

import "testing"

// A connection that breaks during the commit leaves open whether it happened.
func TestArchiveIsNotDroppedThatWasSealed(t *testing.T) {
	f := open(t, nil)
	job := f.job(t)
	a, err := f.BeginV3(t.Context(), job, "dist", 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.v3(t, job, a, "file", "content", false); err != nil {
		t.Fatal(err)
	}
	done, err := f.FinishV3(t.Context(), job, "dist", 7)
	if err != nil {
		t.Fatal(err)
	}
	f.DropArchive(t.Context(), done.ObjectID)
	if got, want := f.tree(t, done), "file=content "; got != want {
		t.Errorf("files are %s, want %s", got, want)
	}
}
