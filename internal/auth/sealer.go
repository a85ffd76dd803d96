package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// secretKeyBytes is the length of the key that seals: AES-256.
const secretKeyBytes = 32

// sealVersion is the first byte of a sealed value, so that another way of sealing can be told apart.
const sealVersion = 2

// The head of a sealed value is what comes before the nonce: the version, and the id of the key.
const (
	keyIDBytes = 6
	sealHead   = 1 + keyIDBytes
)

// Sealer seals what must not be in the database in the clear: provider credentials and signing secrets. It uses AES-256-GCM
// with a random nonce each time, which is safe for 2^32 seals under one key (NIST SP 800-38D, section 8.3).
type Sealer struct {
	aead cipher.AEAD
	id   string
	sum  [sha256.Size]byte // of the key
	text string            // the key, as its file has it
}

// NewSealer makes a Sealer from a key of 32 bytes.
func NewSealer(key []byte) (*Sealer, error) {
	if len(key) != secretKeyBytes {
		return nil, fmt.Errorf("auth: the secret key has %d bytes; want %d", len(key), secretKeyBytes)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("auth: making the cipher: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("auth: making the cipher: %w", err)
	}
	sum := sha256.Sum256(key)
	return &Sealer{aead: aead, id: hex.EncodeToString(sum[:keyIDBytes]), sum: sum, text: base64.StdEncoding.EncodeToString(key)}, nil
}

// KeyID returns a name for the key that does not reveal it: the first bytes of its SHA-256, in hexadecimal.
func (s *Sealer) KeyID() string { return s.id }

// Seal seals plain. Opening it takes the same aad (what the value belongs to, such as app and provider), so that a sealed value
// copied to another row does not open there.
func (s *Sealer) Seal(plain, aad []byte) ([]byte, error) {
	out := make([]byte, sealHead+s.aead.NonceSize(), sealHead+s.aead.NonceSize()+len(plain)+s.aead.Overhead())
	out[0] = sealVersion
	copy(out[1:], s.sum[:keyIDBytes])
	nonce := out[sealHead:]
	rand.Read(nonce) // never fails, see crypto/rand
	return s.aead.Seal(out, nonce, plain, aad), nil
}

// Open opens what Seal made. The error names the key's id, never what is inside.
func (s *Sealer) Open(sealed, aad []byte) ([]byte, error) {
	head := sealHead + s.aead.NonceSize()
	if len(sealed) < head || sealed[0] != sealVersion {
		return nil, errors.New("auth: opening a sealed value: it is damaged, or sealed in a way that this version does not know")
	}
	plain, err := s.aead.Open(nil, sealed[sealHead:head], sealed[head:], aad)
	if err != nil {
		return nil, fmt.Errorf("auth: opening a sealed value: it was sealed with a key other than %s, or is damaged", s.id)
	}
	return plain, nil
}

// ParseSecretKey reads a secret key: 32 bytes in base64, white space around them ignored. An error names the source and does
// not show the content.
func ParseSecretKey(content, source string) (*Sealer, error) {
	text := strings.TrimSpace(content)
	if text == "" {
		return nil, fmt.Errorf("auth: the secret key in %s is empty; want %d bytes in base64", source, secretKeyBytes)
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("auth: the secret key in %s is not base64; want %d bytes in base64", source, secretKeyBytes)
	}
	if len(key) != secretKeyBytes {
		return nil, fmt.Errorf("auth: the secret key in %s has %d bytes; want %d in base64", source, len(key), secretKeyBytes)
	}
	return NewSealer(key)
}

func newSecretKey() string {
	b := make([]byte, secretKeyBytes)
	rand.Read(b) // never fails, see crypto/rand
	return base64.StdEncoding.EncodeToString(b)
}
