package store

import (
	"context"
	"errors"

	"github.com/hushpush/hush/push"
)

type idempotencyKey struct{ app, key string }

// answer is the response to the first request with an idempotency key.
type answer struct {
	bodyHash []byte
	answer   []byte
}

func readAnswer(scan scanFunc) (a answer, err error) {
	err = scan(&a.bodyHash, &a.answer)
	return a, err
}

const (
	answerByKey  = "SELECT body_hash, answer FROM idempotency WHERE app = ? AND key = ?"
	insertAnswer = "INSERT INTO idempotency (app, key, body_hash, answer, created_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)

var insertAnswers = foldInsert("idempotency", "app text, key blob, body_hash blob, answer blob, created_at int")

// readAnswer returns the statement that reads the answer under a key.
func (a *acceptance) readAnswer(key idempotencyKey) *stmt {
	return each(func(scan scanFunc) error {
		found, err := readAnswer(scan)
		a.answers[key] = found
		return err
	}, answerByKey, key.app, []byte(key.key))
}

// remember stores an answer for repeated requests, including those in this transaction.
func (a *acceptance) remember(key idempotencyKey, bodyHash []byte, result push.Accepted) {
	row := answer{bodyHash: bodyHash, answer: []byte(encode(storedAccepted(result)))}
	a.answers[key] = row
	a.newAnswers.add(str(key.app), raw([]byte(key.key)), raw(blob(bodyHash)), raw(row.answer), when(a.now))
}

// PutIdempotent stores the answer to a request for several pushes under an idempotency key. It returns push.ErrConflict if the key
// is in use.
func (s *Store) PutIdempotent(ctx context.Context, app, key string, bodyHash, answer []byte) error {
	return s.write(ctx, "put idempotency key", &op{app: app, do: func(ctx context.Context, t *tx) error {
		insert := exec(insertAnswer, app, []byte(key), blob(bodyHash), blob(answer), micros(s.now()))
		if err := t.run(ctx, insert); err != nil {
			return err
		}
		if insert.n == 0 {
			return push.ErrConflict
		}
		return nil
	}})
}

// Idempotent returns what is stored under an idempotency key: the hash of the request's body, and the answer. found reports whether
// there is anything.
func (s *Store) Idempotent(ctx context.Context, app, key string) (bodyHash, stored []byte, found bool, err error) {
	a, err := one(ctx, s.read, readAnswer, answerByKey, app, []byte(key))
	if errors.Is(err, push.ErrNotFound) {
		return nil, nil, false, nil
	}
	return a.bodyHash, a.answer, err == nil, wrap("idempotency key", err)
}
