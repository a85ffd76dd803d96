package sdk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// journal is an append-only file of lines that several processes share. All methods are called with the directory's lock
// held. The file is opened for each use: a phone may hold many clients, and the file may have been replaced meanwhile.
//
// A process that is killed while it appends leaves a line without an end. Such a line never counts as a record: readers read
// up to the last newline, and the next writer ends the torn line first, so that its own line stands apart.
type journal struct {
	path string
	read int64       // bytes read so far, always up to the end of a line
	file os.FileInfo // the file that they were read from; nil: none yet
}

// refresh calls apply with each line that was appended since the last time, without its newline. If the file is not the one
// that was read before, it calls restart first and reads all of it.
func (j *journal) refresh(restart func(), apply func(line []byte)) error {
	f, err := os.Open(j.path)
	if errors.Is(err, fs.ErrNotExist) {
		if j.file != nil {
			restart() // somebody removed it, and that counts
			j.file, j.read = nil, 0
		}
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if j.file == nil || !os.SameFile(info, j.file) || info.Size() < j.read {
		restart()
		j.read = 0
	}
	j.file = info
	if info.Size() == j.read {
		return nil
	}
	fresh, err := io.ReadAll(io.NewSectionReader(f, j.read, info.Size()-j.read))
	if err != nil {
		return err
	}
	for {
		end := bytes.IndexByte(fresh, '\n')
		if end < 0 {
			return nil
		}
		apply(fresh[:end])
		fresh = fresh[end+1:]
		j.read += int64(end) + 1
	}
}

// append writes the lines at once and returns when they are on disk. It is called after refresh. After an error it is unknown
// whether they are there.
func (j *journal) append(lines []byte) error {
	f, err := os.OpenFile(j.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() > j.read {
		lines = append([]byte{'\n'}, lines...) // a torn line
	}
	if _, err := f.Write(lines); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if info.Size() == 0 {
		return syncDir(filepath.Dir(j.path))
	}
	return nil
}

// replace puts a new file with these lines in place of the old one, so that at any moment one of them is there whole.
func (j *journal) replace(lines []byte) error {
	tmp := j.path + ".new"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(lines)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return fmt.Errorf("write %s: %w", tmp, err)
	}
	if err := os.Rename(tmp, j.path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(j.path))
}

// syncDir flushes the names in a directory to disk.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
