package agentapi

import "testing"

func TestStamped(t *testing.T) {
	p := Prepared{Stamps: []Stamp{{Identity: "a", Version: "1"}, {Identity: "b", Version: "2"}}}
	if s, ok := p.Stamped("b"); !ok || s.Version != "2" {
		t.Errorf("got %+v, %v", s, ok)
	}
	if s, ok := p.Stamped("c"); ok || s.Identity != "" {
		t.Errorf("got %+v, %v for an image without a stamp", s, ok)
	}
}
