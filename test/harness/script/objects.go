//go:build linux && acceptance

package script

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/volume"

	"github.com/nixproxy/nixproxy/test/harness/registry"
)

// publish [-fresh|-foreign] VERSION REF: the registry has a test image by this
// reference; as it is, with a layer that no engine has, or for an architecture
// that none has.
func (s *Script) publish(args []string) error {
	flag := ""
	if len(args) == 3 {
		flag, args = args[0], args[1:]
	}
	if len(args) != 2 {
		return errors.New("want publish [-fresh|-foreign] VERSION REF")
	}
	switch r := s.suite.Registry; flag {
	case "":
		return r.Push(args[1], args[0])
	case "-fresh":
		return r.Push(args[1], args[0], registry.Fresh(4<<20))
	case "-foreign":
		return r.PushForeign(args[1], args[0])
	}
	return fmt.Errorf("publish has no %s", flag)
}

// volume create NAME [LABEL=VALUE...], volume there NAME, volume rm NAME: past
// nixproxy. volume at NAME prints where it is on this machine.
func (s *Script) volume(args []string) error {
	ctx := context.Background()
	switch verb, name := args[0], args[1]; verb {
	case "create":
		labels := map[string]string{}
		for _, label := range args[2:] {
			key, value, _ := strings.Cut(label, "=")
			labels[key] = value
		}
		_, err := s.engine.VolumeCreate(ctx, volume.CreateOptions{Name: name, Labels: labels})
		return err
	case "there":
		_, err := s.engine.VolumeInspect(ctx, name)
		return err
	case "at":
		found, err := s.engine.VolumeInspect(ctx, name)
		fmt.Fprintln(s.Stdout(), found.Mountpoint)
		return err
	case "rm":
		return s.engine.VolumeRemove(ctx, name, false)
	}
	return fmt.Errorf("volume has no %s", args[0])
}

// image there REF: past nixproxy.
func (s *Script) image(args []string) error {
	if len(args) != 2 || args[0] != "there" {
		return errors.New("want image there REF")
	}
	_, err := s.engine.ImageInspect(context.Background(), args[1])
	return err
}

// image-run REF VOLUME DIR CMD [ARG...]: a container past nixproxy, with the
// volume mounted at DIR in the engine's own manner.
func (s *Script) imageRun(args []string) error {
	mounts := []mount.Mount{{Type: mount.TypeVolume, Source: args[1], Target: args[2]}}
	output, err := s.engine.Run(args[0], mounts, args[3:]...)
	fmt.Fprint(s.Stdout(), output)
	return err
}
