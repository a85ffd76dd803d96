package litedb

import (
	"unsafe"

	"modernc.org/libc"
	"modernc.org/libc/sys/types"
)

// memory is a block of the C library's memory.
type memory struct {
	at   uintptr
	size int
}

func allocate(tls *libc.TLS, size int) (memory, error) {
	at := libc.Xmalloc(tls, types.Size_t(size))
	if at == 0 {
		return memory{}, errMemory
	}
	return memory{at, size}, nil
}

func (m *memory) free(tls *libc.TLS) {
	if m.at != 0 {
		libc.Xfree(tls, m.at)
	}
	*m = memory{}
}

// allocateString returns a copy of s as a C string. The caller has to free it.
func allocateString(tls *libc.TLS, s string) (memory, error) {
	m, err := allocate(tls, len(s)+1)
	if err == nil {
		copy(bytesAt(m.at, len(s)), s)
		bytesAt(m.at, m.size)[len(s)] = 0
	}
	return m, err
}

// bytesAt returns a slice of the C library's memory, valid until that is freed.
func bytesAt(at uintptr, size int) []byte { return unsafe.Slice((*byte)(pointer(at)), size) }

// pointerAt reads a C pointer.
func pointerAt(at uintptr) uintptr { return *(*uintptr)(pointer(at)) }

// pointer returns an address outside of Go's heap as a pointer. The indirection satisfies go vet, which takes any conversion of a
// uintptr for a heap address that the garbage collector does not track.
func pointer(at uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&at)) }
