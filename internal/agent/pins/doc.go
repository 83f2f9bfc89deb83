// Package pins keeps what the links of mounted projects hold from collectors that
// do not see the projects, be they of nixproxy or the user's own. It runs on Linux
// alone.
package pins
