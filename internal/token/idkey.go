package token

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" // x5t is defined as a SHA-1: it names a certificate, and protects nothing
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"math/big"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	idKeyBits = 2048
	idKeyLife = 10 * 365 * 24 * time.Hour // of a certificate; nobody looks at it, and keys are replaced long before
)

// An IDKey signs OIDC tokens of jobs: statements to others, who know it by its
// certificate.
type IDKey struct {
	cert    *x509.Certificate
	private crypto.Signer
}

// NewIDKey makes a key, with a certificate that it has signed itself.
func NewIDKey(random io.Reader, now time.Time) (*IDKey, error) {
	private, err := rsa.GenerateKey(random, idKeyBits)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(random, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	cert := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "Understudy OIDC tokens"},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(idKeyLife), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(random, cert, cert, private.Public(), private)
	if err != nil {
		return nil, err
	}
	cert, err = x509.ParseCertificate(der)
	return &IDKey{cert, private}, err
}

// ReadIDKey is the key with a certificate and a private key, as they were kept.
func ReadIDKey(certificate, private []byte) (*IDKey, error) {
	cert, err := x509.ParseCertificate(certificate)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	own, ok := key.(*rsa.PrivateKey)
	if !ok || !own.PublicKey.Equal(cert.PublicKey) {
		return nil, fmt.Errorf("the private key is not that of the certificate")
	}
	return &IDKey{cert, own}, nil
}

// ID is the kid of the key.
func (k *IDKey) ID() string { return idOf(k.cert) }

// Certificate is DER.
func (k *IDKey) Certificate() []byte { return k.cert.Raw }

// Private is the private key itself (PKCS #8).
func (k *IDKey) Private() ([]byte, error) { return x509.MarshalPKCS8PrivateKey(k.private) }

// Sign makes an OIDC token with those claims.
func (k *IDKey) Sign(claims map[string]any) (string, error) {
	t := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims(claims))
	t.Header["kid"], t.Header["x5t"] = k.ID(), thumbprint(k.cert)
	return t.SignedString(k.private)
}

// A JWK is a public key as verifiers read it (RFC 7517).
type JWK struct {
	Type        string   `json:"kty"`
	Algorithm   string   `json:"alg"`
	Use         string   `json:"use"`
	ID          string   `json:"kid"`
	Thumbprint  string   `json:"x5t"`
	Certificate []string `json:"x5c"`
	Modulus     string   `json:"n"`
	Exponent    string   `json:"e"`
}

// ReadJWK is the public key in a certificate of an [IDKey].
func ReadJWK(certificate []byte) (JWK, error) {
	cert, err := x509.ParseCertificate(certificate)
	if err != nil {
		return JWK{}, err
	}
	public, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok {
		return JWK{}, fmt.Errorf("the certificate is for another kind of key than RSA")
	}
	return JWK{
		Type: "RSA", Algorithm: jwt.SigningMethodRS256.Alg(), Use: "sig", ID: idOf(cert), Thumbprint: thumbprint(cert),
		Certificate: []string{base64.StdEncoding.EncodeToString(cert.Raw)},
		Modulus:     base64.RawURLEncoding.EncodeToString(public.N.Bytes()),
		Exponent:    base64.RawURLEncoding.EncodeToString(big.NewInt(int64(public.E)).Bytes()),
	}, nil
}

// idOf is the kid of a key, as GitHub makes it: the SHA-1 of its certificate in hex.
func idOf(cert *x509.Certificate) string {
	sum := sha1.Sum(cert.Raw)
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// thumbprint is the x5t of a certificate (RFC 7515).
func thumbprint(cert *x509.Certificate) string {
	sum := sha1.Sum(cert.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
