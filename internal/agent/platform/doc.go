// Package platform tells which platform a program is for, and whether the
// engine's kernel runs it: an image and its Nix may be of another than the agent.
package platform
