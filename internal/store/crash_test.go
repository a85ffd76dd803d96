package store_test

const (
	crashDirEnv = "HUSH_STORE_CRASH_DIR"
	crashURLEnv = "HUSH_STORE_CRASH_URL"
)

func writeUntilKilled() {}
