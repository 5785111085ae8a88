// Package secret keeps values that nobody may read, outside of the database and in it.
//
// A [Keyring] is a file with master keys, for its owner alone. Values are encrypted
// with one of them ([Keyring.Seal]: XChaCha20-Poly1305) and stored beside the id of
// that key. The [Identity] of the row, which is where the value belongs, is authenticated:
// a ciphertext that was moved to another row does not open there. The database knows
// which keys are in use, and has none of them, so that a copy of it holds no secret.
//
// The id of a key is computed from the key, so a file cannot say one thing and hold
// another. A key leaves the file only when nothing is encrypted with it any more; what
// changes the file holds its lock, writes a whole new file, and flushes it before it
// takes the place of the old one.
//
// Clients never send a value as it is. They encrypt it for the public key of the place
// where it is to be kept ([Keyring.PublicKey], [Keyring.OpenBox]: sealed boxes, as libsodium
// makes them). Those key pairs are derived from the master key and the place: there is
// no table of them, and with a new master key they are others.
//
// A [Value] prints as *** wherever it is printed; only [Value.Reveal] says what it is.
package secret
