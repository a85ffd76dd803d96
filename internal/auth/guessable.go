package auth

import "math"

// Thresholds of what passes for random. Random bytes, and random text of as few as ten symbols, pass with room to spare at the
// shortest length that a secret may have.
const (
	minChanceBits = 64 // of the bytes' frequencies; 32 random bytes have about 157, 32 random digits about 100, and hardly ever less than 80
	maxPattern    = 8  // bytes; what repeats after at most so many has no more chance than they
)

// guessable reports whether a secret is obviously not random: all bytes alike, few different ones, a short pattern that
// repeats, or bytes in equal steps (1, 2, 3, …). No check finds every bad secret. This one finds those that people type while
// they try things out, and that then stay.
func guessable(secret []byte) bool {
	return chanceBits(secret) < minChanceBits || repeats(secret) || inSteps(secret)
}

// chanceBits returns the length times the Shannon entropy of the bytes' frequencies, in bits.
func chanceBits(secret []byte) float64 {
	var counts [256]int
	for _, b := range secret {
		counts[b]++
	}
	bits, n := 0.0, float64(len(secret))
	for _, c := range counts {
		if c > 0 {
			bits += float64(c) * math.Log2(n/float64(c))
		}
	}
	return bits
}

// repeats reports whether the secret is a pattern of at most maxPattern bytes, over and over.
func repeats(secret []byte) bool {
	for length := 1; length <= maxPattern && 2*length <= len(secret); length++ {
		if sameAfter(secret, length) {
			return true
		}
	}
	return false
}

func sameAfter(secret []byte, length int) bool {
	for i := length; i < len(secret); i++ {
		if secret[i] != secret[i-length] {
			return false
		}
	}
	return true
}

// inSteps reports whether all bytes differ from the one before by the same amount.
func inSteps(secret []byte) bool {
	for i := 2; i < len(secret); i++ {
		if secret[i]-secret[i-1] != secret[1]-secret[0] {
			return false
		}
	}
	return true
}
