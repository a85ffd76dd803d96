-- +goose Up
-- Times are microseconds since 1970 in UTC; NULL is "none". What strangers may fill with any bytes is a BLOB.
CREATE TABLE settings (
	name  TEXT PRIMARY KEY,
	value TEXT NOT NULL
);

CREATE TABLE apps (
	name       TEXT PRIMARY KEY,
	created_at INTEGER NOT NULL,
	deleting   INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE server_keys (
	app        TEXT NOT NULL,
	id         TEXT NOT NULL,
	role       TEXT NOT NULL,
	hash       BLOB NOT NULL UNIQUE,
	created_at INTEGER NOT NULL,
	name       TEXT NOT NULL,
	used_at    INTEGER,
	expires_at INTEGER,
	PRIMARY KEY (app, id)
);

CREATE TABLE signing_keys (
	app        TEXT NOT NULL,
	kid        TEXT NOT NULL,
	alg        TEXT NOT NULL,
	sealed     BLOB,
	public_key TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	name       TEXT NOT NULL,
	used_at    INTEGER,
	expires_at INTEGER,
	PRIMARY KEY (app, kid)
);

CREATE TABLE credentials (
	app      TEXT NOT NULL,
	provider TEXT NOT NULL,
	info     TEXT NOT NULL,
	sealed   BLOB NOT NULL,
	PRIMARY KEY (app, provider)
);

CREATE TABLE resources (
	app    TEXT NOT NULL,
	id     TEXT NOT NULL,
	policy TEXT NOT NULL,
	PRIMARY KEY (app, id)
);

CREATE TABLE users (
	app     TEXT NOT NULL,
	id      TEXT NOT NULL,
	tags    TEXT NOT NULL DEFAULT '[]',
	seen_at INTEGER,
	PRIMARY KEY (app, id)
) WITHOUT ROWID;
CREATE INDEX users_unseen ON users (app, id) WHERE seen_at IS NULL AND tags = '[]';

-- What is registered of a device, and is seldom written. Rows of others name it by n, which is never given again; its ids go outward.
CREATE TABLE devices (
	n               INTEGER PRIMARY KEY AUTOINCREMENT,
	app             TEXT NOT NULL,
	id              TEXT NOT NULL,
	user_id         TEXT NOT NULL,
	platform        TEXT NOT NULL,
	environment     TEXT NOT NULL,
	bundle_id       TEXT NOT NULL DEFAULT '',
	package         TEXT NOT NULL DEFAULT '',
	facts           TEXT NOT NULL DEFAULT '',
	provider_token  BLOB NOT NULL,
	token_hash      BLOB,
	former_tokens   BLOB NOT NULL DEFAULT x'',
	token_state     TEXT NOT NULL,
	app_state       TEXT NOT NULL,
	owner_gen       INTEGER NOT NULL,
	token_gen       INTEGER NOT NULL,
	token_at        INTEGER,
	token_loss      TEXT NOT NULL DEFAULT '',
	credential_hash BLOB,
	wake_key        TEXT NOT NULL DEFAULT '',
	wake_key_at     INTEGER,
	seal_key        TEXT NOT NULL DEFAULT '',
	created_at      INTEGER NOT NULL,
	registered_at   INTEGER,
	updated_at      INTEGER NOT NULL,
	UNIQUE (app, id)
);
-- An app's devices in the order of their numbers, in which a broadcast takes them.
CREATE INDEX devices_of_app ON devices (app);
CREATE INDEX devices_of_user ON devices (app, user_id, id) WHERE user_id <> '';
CREATE UNIQUE INDEX devices_credential ON devices (credential_hash) WHERE credential_hash IS NOT NULL;
CREATE INDEX devices_wake_key ON devices (wake_key) WHERE wake_key <> '';
-- Without the app, which hardly ever tells two entries apart: an app has a token once.
CREATE INDEX devices_token ON devices (token_hash) WHERE token_hash IS NOT NULL;
-- "<=" and not "=", for SQLite: compared with a query's "user_id = ?", "=" would make it plan that query anew for every argument.
CREATE INDEX devices_gone ON devices (updated_at) WHERE user_id <= '';

-- What changes of a device with each wake; each has a row.
CREATE TABLE device_state (
	n          INTEGER PRIMARY KEY,
	app        TEXT NOT NULL,
	wake       BLOB NOT NULL DEFAULT x'',
	wake_times BLOB NOT NULL DEFAULT x'',
	due_at     INTEGER,
	owner      TEXT NOT NULL DEFAULT '',
	heard_at   INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX device_state_due ON device_state (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX device_state_due_in_app ON device_state (app, due_at) WHERE due_at IS NOT NULL;

-- Whose a device has been: what a user was sent is found by it, and by whose devices are.
CREATE TABLE former_owners (
	app     TEXT NOT NULL,
	user_id TEXT NOT NULL,
	device  INTEGER NOT NULL,
	PRIMARY KEY (app, user_id, device)
) WITHOUT ROWID;
CREATE INDEX former_owners_of ON former_owners (device);

-- A device's wake keys before its newest, which stands in its own row.
CREATE TABLE wake_keys (
	id        TEXT PRIMARY KEY,
	app       TEXT NOT NULL,
	device_id TEXT NOT NULL,
	owner_gen INTEGER NOT NULL,
	made_at   INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX wake_keys_of_device ON wake_keys (app, device_id, made_at);

CREATE TABLE pushes (
	n            INTEGER PRIMARY KEY,
	id           TEXT NOT NULL UNIQUE,
	app          TEXT NOT NULL,
	resource_id  TEXT NOT NULL,
	payload      BLOB NOT NULL,
	audience     TEXT NOT NULL,
	ttl          INTEGER,
	collapse_key BLOB NOT NULL,
	deliver      TEXT NOT NULL,
	accepted_at  INTEGER NOT NULL,
	deliver_at   INTEGER,
	expires_at   INTEGER NOT NULL,
	made         INTEGER NOT NULL,
	due_at       INTEGER,
	made_up_to   INTEGER NOT NULL DEFAULT 0,
	list         TEXT NOT NULL DEFAULT '',
	cancelled_at INTEGER,
	look_at      INTEGER NOT NULL,
	counted      INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX pushes_of_app ON pushes (app, id);
CREATE INDEX pushes_unmade ON pushes (app, id) WHERE made = 0 OR cancelled_at IS NOT NULL;
CREATE INDEX pushes_due ON pushes (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX pushes_due_in_app ON pushes (app, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX pushes_old ON pushes (look_at);

-- Whom a large push is for, fixed when it is accepted; a piece leaves as its deliveries are made.
CREATE TABLE push_targets (
	list    TEXT NOT NULL,
	piece   INTEGER NOT NULL,
	push_id TEXT NOT NULL,
	targets INTEGER NOT NULL,
	meant   BLOB NOT NULL,
	kept_at INTEGER NOT NULL,
	PRIMARY KEY (list, piece)
);
CREATE INDEX push_targets_old ON push_targets (kept_at);

-- A push's deliveries stand together. The holder is the device (devices.n); for a user without one, a number below 0 that is
-- reckoned from the user. A row is written for what happens to its push on its device; see funnel.go.
CREATE TABLE deliveries (
	push         INTEGER NOT NULL,
	holder       INTEGER NOT NULL,
	user_id      TEXT NOT NULL,
	state        TEXT NOT NULL,
	reason       TEXT NOT NULL,
	result       TEXT NOT NULL DEFAULT '',
	path         TEXT NOT NULL DEFAULT '',
	since        INTEGER NOT NULL,
	expires_at   INTEGER NOT NULL,
	now_or_never INTEGER NOT NULL,
	due_at       INTEGER,
	wakes        INTEGER NOT NULL DEFAULT 0,
	unreturned   INTEGER NOT NULL DEFAULT 0,
	generation   INTEGER NOT NULL,
	final_at     INTEGER,
	collapse_key BLOB,
	events       BLOB NOT NULL,
	kept         INTEGER NOT NULL DEFAULT 0,
	left_out     INTEGER NOT NULL DEFAULT 0,
	left_out_at  INTEGER,
	wake_until   INTEGER,
	late         TEXT NOT NULL DEFAULT '',
	PRIMARY KEY (push, holder, user_id)
) WITHOUT ROWID;
-- What is open comes first: its final_at is NULL.
CREATE INDEX deliveries_of_holder ON deliveries (holder, final_at, since, push);
CREATE INDEX deliveries_collapse ON deliveries (holder, collapse_key) WHERE final_at IS NULL AND collapse_key IS NOT NULL;
-- Few: what a wake in flight is for. A device whose wake is on its way and that has nothing here has got its answer.
CREATE INDEX deliveries_in_flight ON deliveries (holder, wake_until) WHERE wake_until IS NOT NULL;
CREATE INDEX deliveries_userless_expiry ON deliveries (expires_at) WHERE final_at IS NULL AND holder < 0;

-- How many deliveries of a large push are in which state. Those of others are counted when somebody asks.
CREATE TABLE push_counts (
	push     INTEGER NOT NULL,
	state    TEXT NOT NULL,
	n        INTEGER NOT NULL,
	final_at INTEGER NOT NULL,
	PRIMARY KEY (push, state)
) WITHOUT ROWID;

CREATE TABLE idempotency (
	app        TEXT NOT NULL,
	key        BLOB NOT NULL,
	body_hash  BLOB NOT NULL,
	answer     BLOB NOT NULL,
	created_at INTEGER NOT NULL,
	PRIMARY KEY (app, key)
);
CREATE INDEX idempotency_old ON idempotency (created_at);

-- +goose Down
DROP TABLE idempotency;
DROP TABLE push_counts;
DROP TABLE deliveries;
DROP TABLE push_targets;
DROP TABLE pushes;
DROP TABLE wake_keys;
DROP TABLE former_owners;
DROP TABLE device_state;
DROP TABLE devices;
DROP TABLE users;
DROP TABLE resources;
DROP TABLE credentials;
DROP TABLE signing_keys;
DROP TABLE server_keys;
DROP TABLE apps;
DROP TABLE settings;
