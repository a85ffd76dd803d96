package litedb

import (
	"unsafe"

	"modernc.org/libc"
	"modernc.org/libc/sys/types"
)

// memory is a piece of the C library's memory.
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

// allocateString is a string as C has it. Free it.
func allocateString(tls *libc.TLS, s string) (memory, error) {
	m, err := allocate(tls, len(s)+1)
	if err == nil {
		copy(bytesAt(m.at, len(s)), s)
		bytesAt(m.at, m.size)[len(s)] = 0
	}
	return m, err
}

// bytesAt is memory of the C library, and no longer valid than that is.
func bytesAt(at uintptr, size int) []byte { return unsafe.Slice((*byte)(pointer(at)), size) }

// pointerAt reads a pointer of C.
func pointerAt(at uintptr) uintptr { return *(*uintptr)(pointer(at)) }

// pointer is an address outside of Go's heap. The detour says so to go vet, which takes every uintptr for an address in the
// heap that the garbage collector does not see.
func pointer(at uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&at)) }
