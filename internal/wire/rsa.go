package wire

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

const (
	minKeyBits = 2048
	maxKeyBits = 8192
)

// RSAParameters is a private key as .NET writes it: big-endian unsigned
// integers in base64, each padded to its full length.
type RSAParameters struct {
	D        []byte `json:"d"`
	DP       []byte `json:"dp"`
	DQ       []byte `json:"dq"`
	Exponent []byte `json:"exponent"`
	InverseQ []byte `json:"inverseQ"`
	Modulus  []byte `json:"modulus"`
	P        []byte `json:"p"`
	Q        []byte `json:"q"`
}

// NewRSAParameters is key in the form of the file. The key has two primes.
func NewRSAParameters(key *rsa.PrivateKey) (RSAParameters, error) {
	if len(key.Primes) != 2 {
		return RSAParameters{}, fmt.Errorf("key has %d primes, not 2", len(key.Primes))
	}
	key.Precompute()
	size := key.Size()
	half := (size + 1) / 2
	return RSAParameters{
		D:        key.D.FillBytes(make([]byte, size)),
		DP:       key.Precomputed.Dp.FillBytes(make([]byte, half)),
		DQ:       key.Precomputed.Dq.FillBytes(make([]byte, half)),
		Exponent: big.NewInt(int64(key.E)).Bytes(),
		InverseQ: key.Precomputed.Qinv.FillBytes(make([]byte, half)),
		Modulus:  key.N.FillBytes(make([]byte, size)),
		P:        key.Primes[0].FillBytes(make([]byte, half)),
		Q:        key.Primes[1].FillBytes(make([]byte, half)),
	}, nil
}

// PrivateKey is the key that p describes, checked.
func (p *RSAParameters) PrivateKey() (*rsa.PrivateKey, error) {
	e, err := exponent(p.Exponent)
	if err != nil {
		return nil, err
	}
	for _, number := range [][]byte{p.Modulus, p.D, p.P, p.Q} {
		if len(number) > maxKeyBits/8 {
			return nil, errors.New("key is too long")
		}
	}
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).SetBytes(p.Modulus), E: e},
		D:         new(big.Int).SetBytes(p.D),
		Primes:    []*big.Int{new(big.Int).SetBytes(p.P), new(big.Int).SetBytes(p.Q)},
	}
	if err := key.Validate(); err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	key.Precompute()
	return key, nil
}

type rsaKeyValue struct {
	XMLName  xml.Name `xml:"RSAKeyValue"`
	Modulus  string   `xml:"Modulus"`
	Exponent string   `xml:"Exponent"`
}

// PublicKeyXML is key as [RegisterRequest.PublicKey].
func PublicKeyXML(key *rsa.PublicKey) string {
	enc := base64.StdEncoding.EncodeToString
	return "<RSAKeyValue><Modulus>" + enc(key.N.Bytes()) + "</Modulus><Exponent>" +
		enc(big.NewInt(int64(key.E)).Bytes()) + "</Exponent></RSAKeyValue>"
}

// ParsePublicKeyXML reads [RegisterRequest.PublicKey]. The key has between 2048
// and 8192 bits.
func ParsePublicKeyXML(text string) (*rsa.PublicKey, error) {
	if len(text) > 4*maxKeyBits/8 {
		return nil, errors.New("public key is too long")
	}
	var v rsaKeyValue
	if err := xml.Unmarshal([]byte(text), &v); err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	n, err := base64.StdEncoding.DecodeString(strings.TrimSpace(v.Modulus))
	if err != nil {
		return nil, errors.New("public key: modulus is not base64")
	}
	eb, err := base64.StdEncoding.DecodeString(strings.TrimSpace(v.Exponent))
	if err != nil {
		return nil, errors.New("public key: exponent is not base64")
	}
	e, err := exponent(eb)
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: e}
	if bits := key.N.BitLen(); bits < minKeyBits || bits > maxKeyBits {
		return nil, fmt.Errorf("public key has %d bits, not %d to %d", bits, minKeyBits, maxKeyBits)
	}
	return key, nil
}

func exponent(b []byte) (int, error) {
	e := new(big.Int).SetBytes(b)
	if !e.IsInt64() || e.Int64() < 3 || e.Int64() > 1<<31-1 || e.Bit(0) == 0 {
		return 0, errors.New("exponent is out of range")
	}
	return int(e.Int64()), nil
}
