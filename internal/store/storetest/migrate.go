package storetest

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/hushpush/hush/internal/store"
)

func (suite) ADatabaseOfANewerHushIsRefused(t *testing.T, w *World) {
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	driver, address := "pgx", w.Config.DatabaseURL
	if address == "" {
		driver, address = "sqlite", filepath.Join(w.Config.DataDir, "hush.db")
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(Context(t), `INSERT INTO goose_db_version (version_id, is_applied, tstamp) VALUES (9999, true, $1)`, time.Now()); err != nil {
		t.Fatal(err)
	}
	again, err := store.Open(Context(t), w.Config)
	if err == nil {
		again.Close()
		t.Fatal("a database with a schema of version 9999 was opened")
	}
	if want := "made by a newer hush: its schema is version 9999"; !strings.Contains(err.Error(), want) {
		t.Errorf("the error is %q; want it to say %q", err, want)
	}
}
