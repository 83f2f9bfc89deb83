package layout

import (
	"bytes"
	"errors"
	"os"

	"github.com/nixproxy/nixproxy/internal/filelock"
)

// bootID is a file whose content is new each time that the machine starts.
const bootID = "/proc/sys/kernel/random/boot_id"

// OncePerBoot calls do, unless it has succeeded since the machine started. A second
// caller waits until the first is done. The volume must be prepared.
func (v Volume) OncePerBoot(do func() error) error {
	boot, err := os.ReadFile(bootID)
	if err != nil {
		return err
	}
	return v.oncePer(boot, do)
}

// oncePer calls do once for each boot. The file that names the last such boot is the
// lock too. It need not be written atomically or reach the disk: whatever a crash leaves
// in it does not name the next boot.
func (v Volume) oncePer(boot []byte, do func() error) error {
	f, err := os.OpenFile(v.Own("boot"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if contains(f, boot) {
		return nil
	}
	if err := filelock.Wait(f, filelock.Exclusive); err != nil {
		return err
	}
	if contains(f, boot) {
		return nil // somebody was faster
	}
	if err := do(); err != nil {
		return err
	}
	_, err = f.WriteAt(boot, 0)
	return errors.Join(err, f.Truncate(int64(len(boot))))
}

// contains tells whether a file has exactly this content.
func contains(f *os.File, content []byte) bool {
	has := make([]byte, len(content)+1)
	n, _ := f.ReadAt(has, 0)
	return bytes.Equal(has[:n], content)
}
