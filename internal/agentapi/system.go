package agentapi

// System returns Nix's name of a Linux platform for Go's name of its architecture.
func System(arch string) string {
	switch arch {
	case "amd64":
		return "x86_64-linux"
	case "arm64":
		return "aarch64-linux"
	}
	return arch + "-linux"
}
