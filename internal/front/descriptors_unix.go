//go:build unix

package front

import "golang.org/x/sys/unix"

// descriptors returns how many files this process may have open. Go has already raised the soft limit to the hard one
// (os.init).
func descriptors() int {
	const unlimited = 1 << 20
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > unlimited<<10 {
		return unlimited
	}
	return int(limit.Cur)
}
