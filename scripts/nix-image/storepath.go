package main

import (
	"crypto/sha256"
	"regexp"
	"strings"
)

const (
	storeDir  = "/nix/store"
	hashChars = 32
	alphabet  = "0123456789abcdfghijklmnpqrsvwxyz" // Nix's base-32: no e, o, u, t
)

// base32 writes bytes in Nix's base-32: least significant digit last.
func base32(data []byte) string {
	var text strings.Builder
	for n := (len(data)*8 - 1) / 5; n >= 0; n-- {
		bit := n * 5
		i, shift := bit/8, bit%8
		digit := data[i] >> shift
		if i+1 < len(data) {
			digit |= data[i+1] << (8 - shift)
		}
		text.WriteByte(alphabet[digit&31])
	}
	return text.String()
}

// storePath gives the path of something called name that is decided by these inputs. Equal inputs
// give equal paths, on any machine and in any image, as in a real store.
func storePath(name string, inputs ...string) string {
	sum := sha256.Sum256([]byte(name + "\x00" + strings.Join(inputs, "\x00")))
	short := make([]byte, hashChars*5/8)
	for i, b := range sum {
		short[i%len(short)] ^= b
	}
	return storeDir + "/" + base32(short) + "-" + name
}

// hashPart gives the 32 characters that references are recognised by.
func hashPart(path string) string {
	return strings.TrimPrefix(path, storeDir+"/")[:hashChars]
}

// validName replaces what Nix does not take in a store path's name; of Debian's characters that
// are ':' and '~'.
func validName(name string) string {
	return regexp.MustCompile(`[^0-9a-zA-Z+\-._?=]`).ReplaceAllString(name, "-")
}

func withoutEpoch(version string) string {
	if _, rest, ok := strings.Cut(version, ":"); ok {
		return rest
	}
	return version
}

// upstreamVersion strips what Debian adds: "2.26.3+dfsg-1+b1" is Nix 2.26.3.
func upstreamVersion(version string) string {
	version = withoutEpoch(version)
	if i := strings.LastIndex(version, "-"); i >= 0 {
		version = version[:i]
	}
	return regexp.MustCompile(`[+~](dfsg|ds|repack|really)\S*$`).ReplaceAllString(version, "")
}
