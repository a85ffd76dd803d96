package auth

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// Who else can do what with a file, in its mode's bits.
const (
	byEveryone fs.FileMode = 0o007
	byGroup    fs.FileMode = 0o070
)

// checkKeyMode refuses a key file that everyone on the machine can open: the key in it may be in other hands already. It
// looks at the mode and not at what this process may do, as root may do anything; a symbolic link counts as what it leads to.
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

// OpenToGroup reports whether a group can open a key file, as Kubernetes mounts secrets; false also if it is not there.
func OpenToGroup(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().Perm()&byGroup != 0
}

// shellWord is a path as one word of a shell.
func shellWord(path string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+,:=@", r)
	}
	if path != "" && strings.IndexFunc(path, func(r rune) bool { return !plain(r) }) < 0 {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
