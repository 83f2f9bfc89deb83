package engine

// Reclaiming returns the command that gives back to the disk of a system (GOOS)
// what was freed in the engine's virtual machine. It is empty where there is no such
// command, or where the engine does it by itself, as OrbStack does. Docker Desktop does it
// only after images, not after files in a volume (its manual's "Disk utilization
// in Docker for Mac").
func (k Kind) Reclaiming(goos string) string {
	if goos != "darwin" {
		return ""
	}
	switch k {
	case DockerDesktop:
		return "docker run --rm --privileged --pid=host docker/desktop-reclaim-space"
	case Colima:
		return "colima ssh -- sudo fstrim -a"
	case RancherDesktop:
		return "rdctl shell sudo fstrim /mnt/data"
	case Lima:
		return "limactl shell NAME sudo fstrim -a"
	case PodmanMachine:
		return "podman machine ssh sudo fstrim -a"
	}
	return ""
}
