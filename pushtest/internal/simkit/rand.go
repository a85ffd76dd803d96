package simkit

import (
	"math/rand/v2"
	"sync"
)

// Rand is a seeded source of choices, safe for many goroutines. The same seed and the same order of questions give the same
// answers. Nothing secret may come from it.
type Rand struct {
	mu sync.Mutex
	r  *rand.Rand // guarded by mu
}

// NewRand makes a source from a seed; every seed is allowed, 0 too.
func NewRand(seed uint64) *Rand {
	r := &Rand{}
	r.Reset(seed)
	return r
}

// Reset starts anew from a seed.
func (r *Rand) Reset(seed uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.r = rand.New(rand.NewPCG(seed, 0x68757368))
}

// Float64 returns in [0, 1).
func (r *Rand) Float64() float64 { r.mu.Lock(); defer r.mu.Unlock(); return r.r.Float64() }

// IntN returns in [0, n); n must be above 0.
func (r *Rand) IntN(n int) int { r.mu.Lock(); defer r.mu.Unlock(); return r.r.IntN(n) }

// Uint64 returns any number of 64 bits.
func (r *Rand) Uint64() uint64 { r.mu.Lock(); defer r.mu.Unlock(); return r.r.Uint64() }
