package engine

import (
	"maps"
	"net/http"
	"testing"
)

func TestAVolumeThatIsThereHasItsLabels(t *testing.T) {
	labels := map[string]string{"a": "b"}
	e := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			always(http.StatusCreated, `{"Name":"v","Labels":null}`)(w, r)
			return
		}
		always(http.StatusOK, `{"Name":"v","Labels":{"a":"b"}}`)(w, r)
	})
	if v, err := e.CreateVolume(t.Context(), "v", labels); err != nil || v.Name != "v" || !maps.Equal(v.Labels, labels) {
		t.Errorf("%+v, %v", v, err)
	}
}
