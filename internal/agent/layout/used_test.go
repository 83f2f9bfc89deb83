package layout

import (
	"testing"
	"time"

	"github.com/nixproxy/nixproxy/internal/agentapi"
)

func TestImagesInUse(t *testing.T) {
	v := Volume(t.TempDir())
	s := agentapi.Stamp{Identity: "0123456789ab", Synced: "2020-01-02T03:04:05Z"}
	synced := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)

	unlock, err := v.LockImage(s)
	if err != nil || unlock == nil {
		t.Fatalf("nobody uses it: %v", err)
	}
	if got := v.UsedAt(s); !got.Equal(synced) {
		t.Errorf("never used: %s", got)
	}
	used := make(chan func())
	go func() {
		leave, err := v.UseImage(s.Identity)
		if err != nil {
			t.Error(err)
		}
		used <- leave
	}()
	select {
	case <-used:
		t.Fatal("it was used while it was locked")
	case <-time.After(50 * time.Millisecond):
	}
	unlock()
	leave := <-used
	again, err := v.UseImage(s.Identity)
	if err != nil {
		t.Fatal(err)
	}
	leave()
	if unlock, err := v.LockImage(s); unlock != nil || err != nil {
		t.Errorf("locked while one more uses it: %v", err)
	}
	again()
	if unlock, err = v.LockImage(s); unlock == nil || err != nil {
		t.Fatalf("nobody uses it any more: %v", err)
	}
	unlock()
	if got := v.UsedAt(s); time.Since(got) > time.Minute {
		t.Errorf("used at %s", got)
	}
}
