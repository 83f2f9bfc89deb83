package layout

import (
	"bytes"
	"errors"
	"os"

	"github.com/nixproxy/nixproxy/internal/filelock"
)

// bootID is another one each time that the machine starts.
const bootID = "/proc/sys/kernel/random/boot_id"

// OncePerBoot does something unless it was done well since the machine started.
// Who comes meanwhile waits for its end. The volume must be prepared.
func (v Volume) OncePerBoot(do func() error) error {
	boot, err := os.ReadFile(bootID)
	if err != nil {
		return err
	}
	return v.oncePer(boot, do)
}

// oncePer has the boot for which it was done in a file, which is the lock, too. It
// need not be written whole, nor to the disk: whatever is left of it at the next
// boot, it is not the name of that.
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

// contains tells if that is all of a file.
func contains(f *os.File, content []byte) bool {
	has := make([]byte, len(content)+1)
	n, _ := f.ReadAt(has, 0)
	return bytes.Equal(has[:n], content)
}
