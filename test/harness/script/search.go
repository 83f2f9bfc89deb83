//go:build linux && acceptance

package script

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/docker/docker/api/types/container"
)

// search FILE [PATH...] prints where one of the words in FILE, one a line, can be
// read: in the arguments or environment of any process of the machine (containers'
// are among them), in what the engine tells of the script's containers and volumes,
// in the containers' logs, in the volumes' files, and in the files at or below PATH.
func (s *Script) search(args []string) error {
	content, err := os.ReadFile(s.MkAbs(args[0]))
	if err != nil {
		return err
	}
	words := bytes.Fields(content)
	if len(words) == 0 {
		return errors.New("there is nothing to look for")
	}
	out := s.Stdout() // also when nothing is found, or the script would see what another command printed
	found := func(where string, content []byte) {
		for _, word := range words {
			if bytes.Contains(content, word) {
				fmt.Fprintf(out, "%s: %s\n", where, word)
			}
		}
	}
	searchProcesses(found)
	err = errors.Join(s.searchContainers(found), s.searchVolumes(found))
	for _, path := range args[1:] {
		err = errors.Join(err, searchFiles("file", s.MkAbs(path), found))
	}
	return err
}

func searchProcesses(found func(string, []byte)) {
	for _, file := range []string{"cmdline", "environ"} {
		paths, _ := filepath.Glob("/proc/[0-9]*/" + file)
		for _, path := range paths {
			content, _ := os.ReadFile(path) // of one that has ended meanwhile there is none
			found(file, content)
		}
	}
}

func (s *Script) searchContainers(found func(string, []byte)) error {
	ctx := context.Background()
	containers, err := s.engine.Containers(s.name)
	for _, c := range containers {
		_, raw, problem := s.engine.ContainerInspectWithRaw(ctx, c.ID, true)
		found("container", raw)
		log, more := s.engine.ContainerLogs(ctx, c.ID, container.LogsOptions{ShowStdout: true, ShowStderr: true})
		if more == nil {
			content, _ := io.ReadAll(log)
			found("log", content)
			log.Close()
		}
		err = errors.Join(err, problem, more)
	}
	return err
}

func (s *Script) searchVolumes(found func(string, []byte)) error {
	v, raw, err := s.engine.VolumeInspectWithRaw(context.Background(), s.name)
	if err != nil {
		return err
	}
	found("volume", raw)
	return searchFiles("in the volume", v.Mountpoint, found)
}

// searchFiles looks into each regular file, and at the names of all.
func searchFiles(where, top string, found func(string, []byte)) error {
	return filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it was there a moment ago
		}
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, top)
		found(where, []byte(name))
		if !d.Type().IsRegular() {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		found(where+" "+name, content)
		return nil
	})
}
