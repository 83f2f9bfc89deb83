// Package layout is a /nix volume as nixproxy keeps it: where its directories and files
// are, how they are written atomically, the stamps and roots of images, the locks by
// which agents know of each other, and the roots of store paths. It starts no Nix,
// and decides nothing.
package layout
