// Package pins protects what the links of mounted projects hold from collectors that do
// not see the projects: nixproxy's and the user's own. It runs on Linux only.
package pins
