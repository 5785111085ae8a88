package fs

// Crash lets go of the pack as a process does that is killed.
func (s *Store) Crash() error {
	p := s.pack.Swap(nil)
	return p.file.Close()
}

// PackMax is how long packs become.
const PackMax = packMax

// Reencode reads the key of a small blob and writes it again.
func Reencode(key string) (string, bool) {
	at, ok := parsePlace(key)
	return at.key(), ok
}
