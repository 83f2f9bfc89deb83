package nixstore

import (
	"fmt"
	"strings"
)

// parseBase32 decodes size bytes from Nix's base 32: five bits a character, the last bits
// first (NixOS/nix src/libutil/base-nix-32.cc).
func parseBase32(s string, size int) ([]byte, error) {
	if len(s) != (size*8+4)/5 {
		return nil, fmt.Errorf("%q is not %d bytes in base 32", s, size)
	}
	all := make([]byte, size+1) // the first character has bits beyond the end
	for i := range len(s) {
		digit := strings.IndexByte(digestChars, s[len(s)-1-i])
		if digit < 0 {
			return nil, fmt.Errorf("%q is not in base 32", s)
		}
		bits := uint16(digit) << (i * 5 % 8)
		all[i*5/8] |= byte(bits)
		if i*5/8+1 < len(all) {
			all[i*5/8+1] |= byte(bits >> 8)
		}
	}
	if all[size] != 0 {
		return nil, fmt.Errorf("%q is more than %d bytes", s, size)
	}
	return all[:size], nil
}
