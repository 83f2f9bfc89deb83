// Package layout is a /nix volume as nixproxy keeps it: which directories and
// files are where, how each is written whole, the stamps and roots of images, the
// locks by which agents know of each other, and what else holds something in the
// store. It starts no Nix, and decides nothing: that is for packages jobs,
// sessions and pins. It is for Linux alone, as they are.
package layout
