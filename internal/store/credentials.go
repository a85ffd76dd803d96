package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/hushpush/hush/push"
)

// sealedRow returns the additional data of a sealed value. It names the value's row, so that the value cannot be opened in another.
func sealedRow(app, kind, id string) []byte {
	return []byte("hush\x00" + app + "\x00" + kind + "\x00" + id)
}

// PutCredential stores or replaces an app's credential at info.Provider, encrypted, and makes the devices due now that may wait for
// it. It reports whether there was none, and returns push.ErrNotFound if the app does not exist.
func (s *Store) PutCredential(ctx context.Context, app string, info push.CredentialInfo, c push.Credential) (created bool, err error) {
	plain, err := json.Marshal(storedCredential(c))
	if err != nil {
		return false, wrap("credential", err)
	}
	err = s.write(ctx, "put credential", &op{app: app, do: func(ctx context.Context, t *tx) error {
		if err := t.appExists(ctx, app); err != nil {
			return err
		}
		if err := t.claimSealKey(ctx); err != nil {
			return err
		}
		n, err := one(ctx, t, scalar[int64], "SELECT COUNT(*) FROM credentials WHERE app = ? AND provider = ?", app, string(info.Provider))
		if err != nil {
			return err
		}
		created = n == 0
		sealed, err := s.sealer.Seal(plain, sealedRow(app, "credential", string(info.Provider))) // sealed inside the transaction; see Reseal
		if err != nil {
			return wrap("seal credential", err)
		}
		return t.run(ctx, exec(`INSERT INTO credentials (app, provider, info, sealed) VALUES (?, ?, ?, ?)
			ON CONFLICT (app, provider) DO UPDATE SET info = excluded.info, sealed = excluded.sealed`,
			app, string(info.Provider), encode(credentialInfoRow(info)), sealed))
	}})
	if err != nil {
		return false, err
	}
	return created, s.LookAgain(ctx, app, s.now())
}

// credentialRecord is a row of credentials: what may be read back, and the sealed credential.
type credentialRecord struct {
	info   push.CredentialInfo
	sealed []byte
}

func readCredential(scan scanFunc) (c credentialRecord, err error) {
	var text string
	var info credentialInfoRow
	if err = scan(&text, &c.sealed); err == nil {
		err = decode(text, &info)
	}
	c.info = push.CredentialInfo(info)
	return c, err
}

// Credential returns an app's credential at a provider.
func (s *Store) Credential(ctx context.Context, app string, p push.Provider) (push.Credential, push.CredentialInfo, error) {
	row, err := one(ctx, s.read, readCredential, "SELECT info, sealed FROM credentials WHERE app = ? AND provider = ?", app, string(p))
	if err != nil {
		return push.Credential{}, push.CredentialInfo{}, wrap("credential", err)
	}
	plain, err := s.sealer.Open(row.sealed, sealedRow(app, "credential", string(p)))
	if err != nil {
		return push.Credential{}, push.CredentialInfo{}, wrap("open credential", err)
	}
	var c credentialRow
	if err := json.Unmarshal(plain, &c); err != nil {
		// The error of json may contain a part of the credential.
		return push.Credential{}, push.CredentialInfo{}, fmt.Errorf("store: credential of %s at %s: is not the JSON that was stored", app, p)
	}
	return c.credential(), row.info, nil
}

// topicsOf returns the topics that an app's APNs credential names; none without one. A transaction reads them once.
func (t *tx) topicsOf(ctx context.Context, app string) ([]string, error) {
	if topics, ok := t.topics[app]; ok {
		return topics, nil
	}
	rows, err := all(ctx, t, readCredential, "SELECT info, sealed FROM credentials WHERE app = ? AND provider = ?", app, string(push.APNs))
	if err != nil {
		return nil, err
	}
	if t.topics == nil {
		t.topics = map[string][]string{}
	}
	t.topics[app] = nil
	if len(rows) > 0 {
		t.topics[app] = rows[0].info.Topics
	}
	return t.topics[app], nil
}

// Credentials returns what may be read back of an app's credentials, by provider.
func (s *Store) Credentials(ctx context.Context, app string) ([]push.CredentialInfo, error) {
	rows, err := all(ctx, s.read, readCredential, "SELECT info, sealed FROM credentials WHERE app = ? ORDER BY provider LIMIT ?", app, maxPage)
	infos := make([]push.CredentialInfo, len(rows))
	for i, r := range rows {
		infos[i] = r.info
	}
	return infos, wrap("credentials", err)
}

// DeleteCredential deletes an app's credential at a provider.
func (s *Store) DeleteCredential(ctx context.Context, app string, p push.Provider) error {
	return s.deleteOne(ctx, "delete credential", app, "DELETE FROM credentials WHERE app = ? AND provider = ?", app, string(p))
}
