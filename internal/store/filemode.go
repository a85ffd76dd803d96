package store

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
)

// privateMode is the mode of all files of the store, whatever the directory's is and the process' umask.
const privateMode fs.FileMode = 0o600

// keepPrivate makes the database file before SQLite does, which would give it the umask's mode; SQLite gives the files beside
// it the mode of the database. Files that are open to others, from an earlier version or a restore, are closed to them. A
// file whose mode is not ours to change is said in the log, and used all the same.
func createPrivate(path string, log *slog.Logger) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, privateMode)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	for _, file := range []string{path, path + "-wal", path + "-shm"} {
		if err := closeToOthers(file, log); err != nil {
			return err
		}
	}
	return nil
}

func closeToOthers(file string, log *slog.Logger) error {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	was := info.Mode().Perm()
	if was&0o077 == 0 {
		return nil
	}
	if err := os.Chmod(file, privateMode); err != nil {
		log.Warn("a file of the database is open to others", "file", file, "mode", was.String(), "error", err)
		return nil
	}
	log.Info("a file of the database was open to others, and is closed to them now", "file", file, "was", was.String())
	return nil
}
