package bench

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const dropWait = time.Minute

// makeDatabase makes a database for the run in the PostgreSQL that the options name, and has it dropped at the end. With
// SQLite there is nothing to make.
func (r *rig) makeDatabase(ctx context.Context) error {
	if r.options.DatabaseURL == "" {
		return nil
	}
	u, err := url.Parse(r.options.DatabaseURL)
	if err != nil {
		return fmt.Errorf("bench: --database-url is no URL") // which may have a password
	}
	name := "hush_bench_" + strings.ToLower(rand.Text()[:12])
	if err := atPostgres(ctx, r.options.DatabaseURL, "CREATE DATABASE "+name); err != nil {
		return err
	}
	r.onClose(func() error {
		ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), dropWait, fmt.Errorf("PostgreSQL did not drop %s within %s", name, dropWait))
		defer cancel()
		return atPostgres(ctx, r.options.DatabaseURL, "DROP DATABASE "+name+" WITH (FORCE)")
	})
	made := *u
	made.Path = "/" + name
	r.database = made.String()
	return nil
}

// atPostgres runs one statement.
func atPostgres(ctx context.Context, url, statement string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("bench: PostgreSQL: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("bench: PostgreSQL: %s: %w", statement, err)
	}
	return nil
}
