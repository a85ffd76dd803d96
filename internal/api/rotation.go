package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"syscall"
	"time"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// Keys rotates the installation's own keys.
type Keys interface {
	RotateRootKey(ctx context.Context, keep time.Duration) (secret push.Secret, id string, oldUntil time.Time, err error)
	// RotateSecretKey begins a rotation. push.ErrConflict: the server cannot write to where the key is.
	RotateSecretKey() error
	SecretKey(ctx context.Context) (id string, old []string, err error)
}

// How long the previous root key stays valid after a rotation.
const (
	defaultKeepRoot = 24 * time.Hour
	maxKeepRoot     = 31 * 24 * time.Hour
)

type rotateRootKeyInput struct {
	Body protocol.RotateRootKeyRequest `required:"false"`
}

func (a *API) rotationRoutes() {
	register(a, route{id: "rotateRootKey", audit: "root_key.rotate", method: http.MethodPost, path: "/v1/root-key/rotate", tag: chapterOperation, needs: needsRoot,
		status: http.StatusCreated, optionalBody: true, checks: true,
		summary: "Make a new root key", about: "The present one stays good for `keep`. The new one is shown once, and is in root.key in the data directory.",
		example: protocol.RotateRootKeyRequest{Keep: "24h"}}, a.rotateRootKey)
	register(a, route{id: "rotateSecretKey", audit: "secret_key.rotate", method: http.MethodPost, path: "/v1/secret-key/rotate", tag: chapterOperation, needs: needsRoot,
		status: http.StatusAccepted, refuses: []protocol.ProblemCode{codeConflict}, summary: "Make a new secret key, and encrypt everything anew with it",
		about: "The server goes on meanwhile, with both keys; a rotation that is cut short goes on at the next start. 409 where the key is in HUSH_SECRET_KEY: there, put a new key in a line before the old one, and start the server again."}, a.rotateSecretKey)
	register(a, route{id: "getSecretKey", method: http.MethodGet, path: "/v1/secret-key", tag: chapterOperation, needs: needsRoot,
		summary: "Say where a rotation of the secret key stands"}, a.getSecretKey)
}

func (a *API) rotateRootKey(ctx context.Context, c *call, in *rotateRootKeyInput) (*rest.Answer[protocol.RootKey], error) {
	keep := defaultKeepRoot
	if d := durationAt(&c.faults, "body.keep", in.Body.Keep); d != nil {
		keep = *d
	}
	if keep < 0 || keep > maxKeepRoot {
		c.faults.add("body.keep", push.CodeOutOfRange, "is %s; want 0s to %s", keep, maxKeepRoot)
	}
	if err := c.faults.err(); err != nil {
		return nil, err
	}
	secret, id, oldUntil, err := a.Keys.RotateRootKey(ctx, keep)
	if err != nil {
		return nil, notWritten(err)
	}
	trailOf(ctx).target = id
	return rest.NewAnswer(http.StatusCreated, protocol.RootKey{KeyID: id, Secret: secret.Reveal(), OldUntil: oldUntil}), nil
}

func (a *API) rotateSecretKey(ctx context.Context, c *call, in *rest.None) (*rest.Answer[protocol.SecretKey], error) {
	err := a.Keys.RotateSecretKey()
	if errors.Is(err, push.ErrConflict) {
		return nil, newProblem(http.StatusConflict, codeConflict, "the secret key is in HUSH_SECRET_KEY, which the server cannot change; put a new key in a line before the old one, and start the server again")
	}
	if err != nil {
		return nil, notWritten(err)
	}
	out, err := a.getSecretKey(ctx, c, in)
	if err != nil {
		return nil, err
	}
	trailOf(ctx).target = out.Body.KeyID
	out.Status = http.StatusAccepted
	return out, nil
}

func (a *API) getSecretKey(ctx context.Context, _ *call, _ *rest.None) (*rest.Answer[protocol.SecretKey], error) {
	id, old, err := a.Keys.SecretKey(ctx)
	if err != nil {
		return nil, err
	}
	return rest.NewAnswer(http.StatusOK, protocol.SecretKey{KeyID: id, OldKeyIDs: listOf(old, same)}), nil
}

// notWritten turns an error about a key file that cannot be written into a problem and returns other errors unchanged. Holders of
// the root key may see the system's reason; the path stays in the log, which has the whole error.
func notWritten(err error) error {
	var system syscall.Errno
	if !errors.As(err, &system) {
		return err
	}
	return fmt.Errorf("%w (%w)", newProblem(http.StatusInternalServerError, codeInternal,
		fmt.Sprintf("the file of the new key cannot be written: %s; the key before is still good, and the log names the file", system.Error())), err)
}
