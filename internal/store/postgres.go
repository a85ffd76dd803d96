package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

// oldestPostgres is the oldest supported version.
const oldestPostgres = 150000

// postgresEngine is a PostgreSQL database, which other nodes may share. The statements of one call are pipelined, so that a batch costs
// a few round trips.
type postgresEngine struct {
	*translator
	pool   *pgxpool.Pool
	lock   *databaseLock // nil until it is acquired
	me     string        // this process as its claim names it
	fenced atomic.Bool   // transactions check that the claim is still ours
}

func openPostgres(ctx context.Context, c Config, me holder, turn processTurn) (*postgresEngine, error) {
	cfg, err := pgxpool.ParseConfig(c.DatabaseURL)
	if err != nil {
		return nil, fmt.Errorf("the database URL is not one of PostgreSQL%s; want postgres://user@host/database", urlProblem(c.DatabaseURL, err))
	}
	setParameters(cfg.ConnConfig)
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	e := &postgresEngine{translator: &translator{words: postgresWords, numbered: true}, pool: pool, me: encode(me)}
	if err := e.prepare(ctx, c, me, turn); err != nil {
		return nil, errors.Join(oneLine(err), e.close())
	}
	return e, nil
}

// urlProblem returns the driver's reason for refusing a URL, without the driver's copy of the URL, which may contain the password. It
// returns "" if the reason may contain the password, too.
func urlProblem(text string, err error) string {
	var refused *pgconn.ParseConfigError
	u, notURL := url.Parse(text)
	if !errors.As(err, &refused) || notURL != nil {
		return ""
	}
	// The type keeps its reason to itself, and its text begins with the URL. With the same URL and no reason, it is the beginning.
	beginning := pgconn.NewParseConfigError(refused.ConnString, "", nil).Error()
	why, begins := strings.CutPrefix(refused.Error(), beginning)
	if !begins {
		return ""
	}
	why = oneLine(errors.New(why)).Error()
	password, _ := u.User.Password()
	for _, secret := range []string{password, u.Query().Get("password"), u.Query().Get("sslpassword")} {
		if secret != "" && strings.Contains(why, secret) {
			return ""
		}
	}
	return ": " + why
}

// setParameters sets the parameters of all of Hush's connections.
func setParameters(cfg *pgx.ConnConfig) {
	for name, value := range map[string]string{
		"synchronous_commit":            "on", // accepted means flushed, whatever the server's default
		"application_name":              "hush",
		"default_transaction_isolation": "read committed",
		// Each query has its index (plan_test.go). By default, the planner reads the whole of a table that was empty when it was
		// last analysed, and plans the same statements again and again.
		"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off", "jit": "off", "plan_cache_mode": "force_generic_plan",
		"idle_in_transaction_session_timeout": "60000", // a node that hangs loses its locks
		// PostgreSQL notices within turnWait that the machine of a connection is gone, and releases its locks.
		"tcp_keepalives_idle": "5", "tcp_keepalives_interval": "3", "tcp_keepalives_count": "2", "tcp_user_timeout": "12000",
	} {
		cfg.RuntimeParams[name] = value
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 10 * time.Second
	}
}

// prepare checks that the database can be used, acquires it for this process, and brings its schema up to date.
func (e *postgresEngine) prepare(ctx context.Context, c Config, me holder, turn processTurn) error {
	var version, seqscan string
	err := e.pool.QueryRow(ctx, "SELECT current_setting('server_version_num'), current_setting('enable_seqscan')").Scan(&version, &seqscan)
	switch n, notNumber := strconv.Atoi(version); {
	case violatesProtocol(err):
		return fmt.Errorf("connect: %w; %w", err, errPooler)
	case err != nil:
		return fmt.Errorf("connect: %w", err)
	case notNumber != nil || n < oldestPostgres:
		return fmt.Errorf("PostgreSQL %s is too old; want 15 or newer", versionName(version))
	case seqscan != "off":
		return fmt.Errorf("connect: the settings of the connection do not reach PostgreSQL; %w", errPooler)
	}
	if c.shared {
		return e.migrate(ctx)
	}
	e.lock, err = acquireDatabaseLock(ctx, &databaseLock{cfg: e.pool.Config().ConnConfig, pool: e.pool, me: me, log: c.Logger, onOusted: c.Fatal, fenced: &e.fenced}, turn)
	if err != nil {
		return err
	}
	e.pool.Reset() // PostgreSQL may have restarted during the wait
	return e.migrate(ctx)
}

func (e *postgresEngine) migrate(ctx context.Context) error {
	db := stdlib.OpenDBFromPool(e.pool)
	return errors.Join(migratePostgres(ctx, db), db.Close())
}

// violatesProtocol reports whether err is a refusal with SQLSTATE 08P01 (protocol_violation). PgBouncer so refuses settings in the first
// message of a connection, which PostgreSQL takes.
func violatesProtocol(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.Code == "08P01"
}

// errPooler means that a pooler seems to stand between Hush and PostgreSQL. It would give our connection to others after each
// transaction, and with it our locks and settings.
var errPooler = errors.New("a pooler such as PgBouncer seems to stand in between, which Hush cannot use: name PostgreSQL itself")

// versionName returns a version as people write it, such as 14.5 for 140005.
func versionName(number string) string {
	n, err := strconv.Atoi(number)
	if err != nil || n < 100000 {
		return number
	}
	return fmt.Sprintf("%d.%d", n/10000, n%10000)
}

func (e *postgresEngine) close() error {
	e.lock.release()
	e.pool.Close()
	return nil
}

func (e *postgresEngine) locksRows() bool                { return true }
func (e *postgresEngine) maintain()                      {}
func (e *postgresEngine) reader() runner                 { return e }
func (e *postgresEngine) ping(ctx context.Context) error { return oneLine(e.pool.Ping(ctx)) }
func (e *postgresEngine) fence()                         { e.fenced.Store(e.lock != nil) }

// run runs single statements, outside of a transaction.
func (e *postgresEngine) run(ctx context.Context, stmts ...*stmt) error {
	return e.pipeline(ctx, e.pool, stmts)
}

type batchSender interface {
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// pipeline sends statements together, and then reads their results.
func (e *postgresEngine) pipeline(ctx context.Context, to batchSender, stmts []*stmt) (err error) {
	b := &pgx.Batch{}
	sent := make([]*stmt, 0, len(stmts))
	for _, s := range stmts {
		switch {
		case s.fold == nil:
			b.Queue(e.spell(s.sql), s.args...)
		case s.rows.len() > 0:
			b.Queue(s.fold.postgres, s.fold.arrays(s.rows)...)
			s.rows.free()
		default:
			continue
		}
		sent = append(sent, s)
	}
	if len(sent) == 0 {
		return nil
	}
	results := to.SendBatch(ctx, b)
	defer func() {
		if closed := results.Close(); err == nil {
			err = closed
		}
	}()
	for _, s := range sent {
		if err := s.read(results); err != nil {
			return s.wrap(err)
		}
	}
	return nil
}

// read reads the result of the statement.
func (s *stmt) read(results pgx.BatchResults) error {
	row := s.row
	if s.hit != nil {
		row = func(scan scanFunc) error {
			i, err := scalar[int](scan)
			s.n++
			if err == nil {
				s.hit(i)
			}
			return err
		}
	}
	if row == nil {
		tag, err := results.Exec()
		s.n = tag.RowsAffected()
		return err
	}
	rows, err := results.Query()
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// classify distinguishes errors after which a transaction may be repeated from errors of a statement.
func (e *postgresEngine) classify(err error) verdict {
	if errors.Is(err, errOusted) {
		return verdictOusted
	}
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		switch {
		case pe.Code == "40P01" || pe.Code == "40001":
			return verdictRepeat
		case pe.Code[:2] == "57" || pe.Code[:2] == "08": // the operator intervened; connection exceptions
			return verdictLost
		}
		return verdictError
	}
	var ne net.Error
	var ce *pgconn.ConnectError
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &ne) || errors.As(err, &ce) || errors.Is(err, errLost) {
		return verdictLost
	}
	return verdictError
}

// whoClaimed also locks the row, so that the next process cannot claim the database before the transactions of this one end.
const whoClaimed = "SELECT value FROM settings WHERE name = ? FOR SHARE"

// errLost means that a connection was found closed.
var errLost = errors.New("the connection to the database was lost")

func (e *postgresEngine) begin(ctx context.Context) (transaction, error) {
	conn, err := e.pool.Acquire(ctx)
	if err != nil {
		return nil, errors.Join(errLost, err)
	}
	t := &postgresTx{e: e, conn: conn}
	var claimed string
	err = t.run(ctx, exec("BEGIN"), each(func(scan scanFunc) error { return scan(&t.xid) }, "SELECT pg_current_xact_id()::text"),
		each(func(scan scanFunc) error { return scan(&claimed) }, whoClaimed, holderName))
	if err == nil && e.fenced.Load() && claimed != e.me {
		err = oustedBy(claimed)
	}
	if err != nil {
		t.rollback()
		return nil, err
	}
	return t, nil
}

// postgresTx is a transaction on a connection of its own. Its outcome can be read by its id if the connection is lost during COMMIT.
type postgresTx struct {
	e    *postgresEngine
	conn *pgxpool.Conn
	xid  string
}

func (t *postgresTx) run(ctx context.Context, stmts ...*stmt) error {
	err := t.e.pipeline(ctx, t.conn, stmts)
	if err != nil && t.conn.Conn().IsClosed() {
		err = errors.Join(errLost, err)
	}
	return err
}

func (t *postgresTx) commit(ctx context.Context) error {
	tag, err := t.conn.Exec(ctx, "COMMIT")
	switch {
	case err == nil && tag.String() == "COMMIT":
		t.conn.Release()
		return nil
	case err == nil:
		return fmt.Errorf("commit: the transaction had failed: %s", tag)
	case t.e.classify(err) == verdictLost || t.conn.Conn().IsClosed():
		t.rollback()
		return t.readBack(ctx, err)
	}
	return err
}

// How long readBack tries to read the outcome of a lost COMMIT.
const (
	readBackTries = 30
	readBackWait  = 200 * time.Millisecond
)

// readBack reads the outcome of a transaction whose connection was lost during COMMIT.
func (t *postgresTx) readBack(ctx context.Context, lost error) error {
	for range readBackTries {
		status, err := one(ctx, t.e, scalar[*string], "SELECT pg_xact_status(?::text::xid8)", t.xid)
		switch {
		case err != nil || status == nil:
		case *status == "committed":
			return nil
		case *status == "aborted":
			return errors.Join(errLost, lost)
		}
		time.Sleep(readBackWait)
	}
	return errors.Join(errUnknown, lost)
}

// rollback rolls back. It closes a connection that cannot, whose transaction the server then rolls back.
func (t *postgresTx) rollback() {
	if t.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := t.conn.Exec(ctx, "ROLLBACK"); err != nil {
		_ = t.conn.Conn().Close(ctx)
	}
	t.conn.Release()
	t.conn = nil
}
