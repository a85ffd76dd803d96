package fcmtest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" // Google's ids of keys are SHA-1 digests; nothing rests on it
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/hushpush/hush/internal/pemkey"
	"github.com/hushpush/hush/pushtest/internal/simkit"
)

// serviceAccount is the key file that Google gives out, with the fields of its own names.
// Source: developers.google.com/identity/protocols/oauth2/service-account.
type serviceAccount struct {
	Type         string `json:"type"`
	ProjectID    string `json:"project_id"`
	PrivateKeyID string `json:"private_key_id"`
	PrivateKey   string `json:"private_key"`
	ClientEmail  string `json:"client_email"`
	ClientID     string `json:"client_id"`
	AuthURI      string `json:"auth_uri"`
	TokenURI     string `json:"token_uri"`
	Universe     string `json:"universe_domain"` // nothing here reads it; it is in the file for Google's client libraries

	key      *rsa.PublicKey
	raw      []byte // the JSON as it stands in the file
	inMemory bool   // it stands in no file
}

// processKey makes one RSA key a process: it takes a while, and the accounts of a simulator are told apart by their names.
var processKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func newServiceAccount(project, tokenURI string) (*serviceAccount, error) {
	key, err := processKey()
	if err != nil {
		return nil, fmt.Errorf("fcmtest: making the service account's key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("fcmtest: writing the service account's key: %w", err)
	}
	id := sha1.Sum(der)
	a := &serviceAccount{
		Type: "service_account", ProjectID: project, PrivateKeyID: hex.EncodeToString(id[:]),
		PrivateKey:  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		ClientEmail: simulatedName + "@" + project + ".iam.gserviceaccount.com", ClientID: simulatedID,
		AuthURI: "https://accounts.google.com/o/oauth2/auth", TokenURI: tokenURI, Universe: "googleapis.com",
		key: &key.PublicKey,
	}
	return a, a.encode()
}

// openServiceAccount reads the file or, if there is none, writes one (mode 0600). An account that a simulator wrote, on a
// port that is now another one, gets the new token_uri, key and names unchanged; a foreign one is left as it is.
func openServiceAccount(path, project string, tokenURI string) (*serviceAccount, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if project == "" {
			project = defaultProject
		}
		a, err := newServiceAccount(project, tokenURI)
		if err != nil {
			return nil, err
		}
		return a, a.write(path)
	}
	if err != nil {
		return nil, fmt.Errorf("fcmtest: reading the service account (--service-account): %w", err)
	}
	a, err := readServiceAccount(b)
	if err != nil {
		return nil, fmt.Errorf("fcmtest: the service account in %s (--service-account): %w", path, err)
	}
	if a.TokenURI == tokenURI || !a.simulated() {
		return a, nil
	}
	a.TokenURI = tokenURI
	if err := a.encode(); err != nil {
		return nil, err
	}
	return a, a.write(path)
}

// write puts the account into its file, and makes the directory if it is missing.
func (a *serviceAccount) write(path string) error {
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = simkit.WriteFile(path, a.raw, 0o600)
	}
	if err != nil {
		return fmt.Errorf("fcmtest: writing the service account (--service-account): %w", err)
	}
	return nil
}

// simulated reports whether a simulator wrote the account: by its name, which no account of Google's has.
func (a *serviceAccount) simulated() bool {
	return a.ClientEmail == simulatedName+"@"+a.ProjectID+".iam.gserviceaccount.com" && a.ClientID == simulatedID
}

const (
	simulatedName = "hush-simulator"
	simulatedID   = "100000000000000000001"
)

// encode writes raw anew.
func (a *serviceAccount) encode() error {
	b, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return fmt.Errorf("fcmtest: writing the service account: %w", err)
	}
	a.raw = append(b, '\n')
	return nil
}

// readServiceAccount checks a key file; its errors name the field and never quote a value.
func readServiceAccount(b []byte) (*serviceAccount, error) {
	a := &serviceAccount{raw: b}
	if err := json.Unmarshal(b, a); err != nil {
		return nil, errors.New("is not JSON with text in its fields")
	}
	switch {
	case a.Type != "service_account":
		return nil, errors.New(`type is not "service_account"`)
	case a.ClientEmail == "":
		return nil, errors.New("client_email is missing")
	case a.ProjectID == "":
		return nil, errors.New("project_id is missing")
	}
	private, err := pemkey.RSA(a.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("private_key %w", err)
	}
	a.key = &private.PublicKey
	return a, nil
}
