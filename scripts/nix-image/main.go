// Command nix-image makes stand-ins for the nixos/nix images out of Debian's own nix-bin
// packages, so that no test needs a public image registry or a fake Nix.
//
//	go run ./scripts/nix-image [flags] bookworm|trixie|newest...
//
// For each suite it prints one JSON object a line; whatever else it has to say goes to stderr.
// What it made is kept in the cache ($NIXPROXY_TEST_CACHE, by default nixproxy-test in the user's
// cache) and made only once. It runs as root on Debian.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	os.Exit(Main())
}

// Main runs the command and gives its exit status: 0, 1 failed, 2 wrong usage.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	opts, suites, err := parseArgs(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err == nil {
		err = run(ctx, opts, suites, os.Stdout, os.Stderr)
	}
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "nix-image:", err)
	if errors.Is(err, errUsage) {
		return 2
	}
	return 1
}

var errUsage = errors.New("wrong usage")

// options are the flags; every one has a default that a test can live with.
type options struct {
	arch   string // Debian's name of the architecture; the machine's own by default
	mirror string
	force  bool
}

func parseArgs(args []string, stderr io.Writer) (options, []string, error) {
	var opts options
	flags := flag.NewFlagSet("nix-image", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&opts.arch, "arch", "", "Debian `architecture` (amd64, arm64); the machine's own by default")
	flags.StringVar(&opts.mirror, "mirror", "http://deb.debian.org/debian", "Debian mirror `URL`")
	flags.BoolVar(&opts.force, "force", false, "build even if the cache holds the image already")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: nix-image [flags] bookworm|trixie|newest...")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return opts, nil, err
		}
		return opts, nil, errUsage
	}
	for _, suite := range flags.Args() {
		if len(candidates(suite)) == 0 {
			return opts, nil, fmt.Errorf("%w: there is no suite %q; name bookworm, trixie or newest", errUsage, suite)
		}
	}
	if flags.NArg() == 0 {
		return opts, nil, fmt.Errorf("%w: name at least one suite: bookworm, trixie or newest", errUsage)
	}
	return opts, flags.Args(), nil
}

// run makes sure that every suite's image is in the cache and reports each as soon as it is.
func run(ctx context.Context, opts options, suites []string, stdout, stderr io.Writer) error {
	platform, err := choosePlatform(ctx, opts.arch)
	if err != nil {
		return err
	}
	cache, err := openCache()
	if err != nil {
		return err
	}
	out := json.NewEncoder(stdout)
	for _, suite := range suites {
		result, err := ensure(ctx, cache, suite, platform, opts, stderr)
		if err != nil {
			return fmt.Errorf("suite %s: %w", suite, err)
		}
		if err := out.Encode(result); err != nil {
			return err
		}
	}
	return nil
}
