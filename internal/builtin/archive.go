package builtin

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"io"
	"time"
)

// epoch is when all files of archives were last changed: the earliest time that
// a zip file can express.
var epoch = time.Date(1980, time.January, 1, 0, 0, 0, 0, time.UTC)

// WriteTarGz writes the archive of the action as a gzipped tar. All files are in
// one directory named top.
func (a *Action) WriteTarGz(w io.Writer, top string) error {
	zw := gzip.NewWriter(w)
	tw := tar.NewWriter(zw)
	h := tar.Header{Typeflag: tar.TypeDir, Name: top + "/", Mode: 0o755, ModTime: epoch, Format: tar.FormatPAX}
	err := tw.WriteHeader(&h)
	for _, f := range a.files {
		h := tar.Header{
			Typeflag: tar.TypeReg, Name: top + "/" + f.name, Size: int64(len(f.data)), Mode: 0o644, ModTime: epoch, Format: tar.FormatPAX,
		}
		if err != nil {
			return err
		}
		if err = tw.WriteHeader(&h); err == nil {
			_, err = tw.Write(f.data)
		}
	}
	return errors.Join(err, tw.Close(), zw.Close())
}

// WriteZip writes the archive of the action as a zip file. All files are in one
// directory named top.
func (a *Action) WriteZip(w io.Writer, top string) error {
	zw := zip.NewWriter(w)
	for _, f := range a.files {
		h := zip.FileHeader{Name: top + "/" + f.name, Method: zip.Deflate, Modified: epoch}
		h.SetMode(0o644)
		entry, err := zw.CreateHeader(&h)
		if err != nil {
			return err
		}
		if _, err := entry.Write(f.data); err != nil {
			return err
		}
	}
	return zw.Close()
}
