package auth

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// The bits of a file's mode that let others in.
const (
	byEveryone fs.FileMode = 0o007
	byGroup    fs.FileMode = 0o070
)

// checkKeyMode refuses a key file that everyone on the machine can open: others may have the key already. It looks at the mode
// and not at what this process may do, since root may do anything. A symbolic link counts as the file that it leads to.
func checkKeyMode(f *os.File, what string) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("auth: reading the %s: %w", what, err)
	}
	if mode := info.Mode().Perm(); mode&byEveryone != 0 {
		return fmt.Errorf("auth: everyone on this machine can open the %s %s (mode %04o); run: chmod 600 %s", what, f.Name(), mode, shellWord(f.Name()))
	}
	return nil
}

// OpenToGroup reports whether a group can open a key file, as Kubernetes mounts secrets; false also if the file does not exist.
func OpenToGroup(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().Perm()&byGroup != 0
}

// shellWord quotes a path as one word of a shell.
func shellWord(path string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+,:=@", r)
	}
	if path != "" && strings.IndexFunc(path, func(r rune) bool { return !plain(r) }) < 0 {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
