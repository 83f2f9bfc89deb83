package main

import (
	"os/exec"
	"strings"
	"testing"
)

// ssh itself says what it has understood, and a shell what it would start.
func TestSSHConfigIsUnderstood(t *testing.T) {
	for _, odd := range []string{"plain", "Application Support", `quo"te`, "it's", "50%", "%h", `back\slash`, "$HOME", "a  b", "#x", "=", "*?[a]", "~", "ä"} {
		text, err := sshConfig([]string{"printf", "%s,", "connect", "--state=/" + odd, odd}, "/"+odd+"/key", "/"+odd+"/known")
		if err != nil {
			t.Fatal(err)
		}
		ask := exec.Command("ssh", "-G", "-F", "/dev/stdin", sshName)
		ask.Stdin = strings.NewReader(text)
		out, err := ask.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s", odd, err, text)
		}
		got := map[string]string{}
		for line := range strings.Lines(string(out)) {
			key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			got[key] = strings.ReplaceAll(value, "%%", "%")
		}
		for key, want := range map[string]string{"user": "root", "hostkeyalias": "nixproxy", "stricthostkeychecking": "true", "identitiesonly": "yes",
			"identityfile": "/" + odd + "/key", "userknownhostsfile": "/" + odd + "/known"} {
			if got[key] != want {
				t.Errorf("%s: %s is %q, want %q", odd, key, got[key], want)
			}
		}
		said, err := exec.Command("sh", "-c", "exec "+got["proxycommand"]).Output()
		if want := "connect,--state=/" + odd + "," + odd + ","; err != nil || string(said) != want {
			t.Errorf("%s: the shell makes %q of %q, %v", odd, said, got["proxycommand"], err)
		}
	}
	if _, err := sshConfig([]string{"nixproxy", "a\nb"}, "/key", "/known"); err == nil {
		t.Error("a line break was written")
	}
}
