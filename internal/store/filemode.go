package store

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
)

// privateMode is the mode of all files of the store, whatever the mode of the directory and the umask of the process.
const privateMode fs.FileMode = 0o600

// createPrivate creates the database file with privateMode before SQLite would create it with the mode of the umask. SQLite gives its
// other files the mode of the database file. Files that other users can open, from an earlier version or a restore, are closed to
// them. If this process may not change the mode of a file, that is logged, and the file is used all the same.
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

// closeToOthers sets a file's mode to privateMode if other users can open it.
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
