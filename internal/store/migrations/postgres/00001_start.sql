-- +goose Up
-- Times are microseconds since 1970 in UTC; NULL is "none". What strangers may fill with any bytes is a BYTEA. Text compares byte by byte, as SQLite does.
CREATE TABLE settings (
	name  TEXT COLLATE "C" PRIMARY KEY,
	value TEXT COLLATE "C" NOT NULL
);

CREATE TABLE apps (
	name       TEXT COLLATE "C" PRIMARY KEY,
	created_at BIGINT NOT NULL,
	deleting   BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE server_keys (
	app        TEXT COLLATE "C" NOT NULL,
	id         TEXT COLLATE "C" NOT NULL,
	role       TEXT COLLATE "C" NOT NULL,
	hash       BYTEA NOT NULL UNIQUE,
	created_at BIGINT NOT NULL,
	name       TEXT COLLATE "C" NOT NULL,
	used_at    BIGINT,
	expires_at BIGINT,
	PRIMARY KEY (app, id)
);

CREATE TABLE signing_keys (
	app        TEXT COLLATE "C" NOT NULL,
	kid        TEXT COLLATE "C" NOT NULL,
	alg        TEXT COLLATE "C" NOT NULL,
	sealed     BYTEA,
	public_key TEXT COLLATE "C" NOT NULL,
	created_at BIGINT NOT NULL,
	name       TEXT COLLATE "C" NOT NULL,
	used_at    BIGINT,
	expires_at BIGINT,
	PRIMARY KEY (app, kid)
);

CREATE TABLE credentials (
	app      TEXT COLLATE "C" NOT NULL,
	provider TEXT COLLATE "C" NOT NULL,
	info     TEXT COLLATE "C" NOT NULL,
	sealed   BYTEA NOT NULL,
	PRIMARY KEY (app, provider)
);

CREATE TABLE resources (
	app    TEXT COLLATE "C" NOT NULL,
	id     TEXT COLLATE "C" NOT NULL,
	policy TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (app, id)
);

CREATE TABLE users (
	app     TEXT COLLATE "C" NOT NULL,
	id      TEXT COLLATE "C" NOT NULL,
	tags    TEXT COLLATE "C" NOT NULL DEFAULT '[]',
	seen_at BIGINT,
	PRIMARY KEY (app, id)
);
CREATE INDEX users_unseen ON users (app, id) WHERE seen_at IS NULL AND tags = '[]';

CREATE TABLE devices (
	app             TEXT COLLATE "C" NOT NULL,
	id              TEXT COLLATE "C" NOT NULL,
	user_id         TEXT COLLATE "C" NOT NULL,
	platform        TEXT COLLATE "C" NOT NULL,
	environment     TEXT COLLATE "C" NOT NULL,
	about           TEXT COLLATE "C" NOT NULL,
	provider_token  BYTEA NOT NULL,
	token_hash      BYTEA,
	former_tokens   BYTEA NOT NULL DEFAULT '',
	token_state     TEXT COLLATE "C" NOT NULL,
	app_state       TEXT COLLATE "C" NOT NULL,
	owner_gen       BIGINT NOT NULL,
	token_gen       BIGINT NOT NULL,
	token_at        BIGINT,
	token_loss      TEXT COLLATE "C" NOT NULL DEFAULT '',
	credential_hash BYTEA,
	wake_key        TEXT COLLATE "C" NOT NULL DEFAULT '',
	wake_key_at     BIGINT,
	seal_key        TEXT COLLATE "C" NOT NULL DEFAULT '',
	created_at      BIGINT NOT NULL,
	registered_at   BIGINT,
	updated_at      BIGINT NOT NULL,
	heard_at        BIGINT NOT NULL DEFAULT 0,
	wake            TEXT COLLATE "C" NOT NULL DEFAULT '',
	wake_times      BYTEA NOT NULL DEFAULT '',
	due_at          BIGINT,
	owner           TEXT COLLATE "C" NOT NULL DEFAULT '',
	PRIMARY KEY (app, id)
);
CREATE INDEX devices_of_user ON devices (app, user_id, id) WHERE user_id <> '';
CREATE UNIQUE INDEX devices_credential ON devices (credential_hash) WHERE credential_hash IS NOT NULL;
CREATE INDEX devices_token ON devices (app, token_hash) WHERE token_hash IS NOT NULL;
CREATE INDEX devices_gone ON devices (updated_at) WHERE user_id = '';
CREATE INDEX devices_due ON devices (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX devices_due_in_app ON devices (app, due_at) WHERE due_at IS NOT NULL;

CREATE TABLE wake_keys (
	id        TEXT COLLATE "C" PRIMARY KEY,
	app       TEXT COLLATE "C" NOT NULL,
	device_id TEXT COLLATE "C" NOT NULL,
	owner_gen BIGINT NOT NULL,
	made_at   BIGINT NOT NULL
);
CREATE INDEX wake_keys_of_device ON wake_keys (app, device_id, made_at);

CREATE TABLE pushes (
	id           TEXT COLLATE "C" PRIMARY KEY,
	app          TEXT COLLATE "C" NOT NULL,
	resource_id  TEXT COLLATE "C" NOT NULL,
	payload      BYTEA NOT NULL,
	audience     TEXT COLLATE "C" NOT NULL,
	ttl          BIGINT,
	collapse_key BYTEA NOT NULL,
	deliver      TEXT COLLATE "C" NOT NULL,
	accepted_at  BIGINT NOT NULL,
	deliver_at   BIGINT,
	expires_at   BIGINT NOT NULL,
	made         BIGINT NOT NULL,
	due_at       BIGINT,
	made_up_to   TEXT COLLATE "C" NOT NULL DEFAULT '',
	list         TEXT COLLATE "C" NOT NULL DEFAULT '',
	cancelled_at BIGINT,
	look_at      BIGINT NOT NULL
);
CREATE INDEX pushes_of_app ON pushes (app, id);
CREATE INDEX pushes_unmade ON pushes (app, id) WHERE made = 0 OR cancelled_at IS NOT NULL;
CREATE INDEX pushes_due ON pushes (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX pushes_due_in_app ON pushes (app, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX pushes_old ON pushes (look_at);

-- Whom a large push is for, fixed when it is accepted; a piece leaves as its deliveries are made.
CREATE TABLE push_targets (
	list    TEXT COLLATE "C" NOT NULL,
	piece   BIGINT NOT NULL,
	push_id TEXT COLLATE "C" NOT NULL,
	targets BIGINT NOT NULL,
	meant   BYTEA NOT NULL,
	kept_at BIGINT NOT NULL,
	PRIMARY KEY (list, piece)
);
CREATE INDEX push_targets_old ON push_targets (kept_at);

CREATE TABLE deliveries (
	app          TEXT COLLATE "C" NOT NULL,
	push_id      TEXT COLLATE "C" NOT NULL,
	device_id    TEXT COLLATE "C" NOT NULL,
	user_id      TEXT COLLATE "C" NOT NULL,
	state        TEXT COLLATE "C" NOT NULL,
	reason       TEXT COLLATE "C" NOT NULL,
	result       TEXT COLLATE "C" NOT NULL DEFAULT '',
	path         TEXT COLLATE "C" NOT NULL DEFAULT '',
	since        BIGINT NOT NULL,
	expires_at   BIGINT NOT NULL,
	now_or_never BIGINT NOT NULL,
	due_at       BIGINT,
	wakes        BIGINT NOT NULL DEFAULT 0,
	unreturned   BIGINT NOT NULL DEFAULT 0,
	generation   BIGINT NOT NULL,
	final_at     BIGINT,
	collapse_key BYTEA,
	events       TEXT COLLATE "C" NOT NULL,
	kept         BIGINT NOT NULL DEFAULT 0,
	left_out     BIGINT NOT NULL DEFAULT 0,
	left_out_at  BIGINT,
	late         TEXT COLLATE "C" NOT NULL DEFAULT '',
	PRIMARY KEY (push_id, device_id, user_id)
);
CREATE INDEX deliveries_inbox ON deliveries (app, device_id, since, push_id, expires_at) WHERE final_at IS NULL;
CREATE INDEX deliveries_collapse ON deliveries (app, device_id, collapse_key, user_id) WHERE final_at IS NULL AND collapse_key IS NOT NULL;
-- "<=" and not "=": compared with a query's "device_id = ?", "=" would make SQLite plan that query anew for every argument.
CREATE INDEX deliveries_userless ON deliveries (app, user_id, since, push_id) WHERE final_at IS NULL AND device_id <= '';
CREATE INDEX deliveries_userless_expiry ON deliveries (expires_at) WHERE final_at IS NULL AND device_id <= '';
CREATE INDEX deliveries_state ON deliveries (push_id, state, final_at);
CREATE INDEX deliveries_of_user ON deliveries (app, user_id, push_id);

CREATE TABLE idempotency (
	app        TEXT COLLATE "C" NOT NULL,
	key        BYTEA NOT NULL,
	body_hash  BYTEA NOT NULL,
	answer     BYTEA NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (app, key)
);
CREATE INDEX idempotency_old ON idempotency (created_at);

-- +goose Down
DROP TABLE idempotency;
DROP TABLE deliveries;
DROP TABLE push_targets;
DROP TABLE pushes;
DROP TABLE wake_keys;
DROP TABLE devices;
DROP TABLE users;
DROP TABLE resources;
DROP TABLE credentials;
DROP TABLE signing_keys;
DROP TABLE server_keys;
DROP TABLE apps;
DROP TABLE settings;
