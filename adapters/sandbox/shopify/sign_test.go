package shopify

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"testing"
)

func vectors(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile("../../../../shared/platforms/vectors/" + name)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("../shared is absent")
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

// TestQueryVectors signs the OAuth queries of the shared vectors.
func TestQueryVectors(t *testing.T) {
	var file struct {
		Vectors []struct {
			Name, Secret string
			Params       map[string]string
			Expected     string `json:"expected_hmac_hex"`
			Query        string `json:"full_query"`
		}
	}
	vectors(t, "shopify_oauth_query.json", &file)
	for _, v := range file.Vectors {
		q := url.Values{"hmac": {"left out"}, "signature": {"left out"}}
		for name, value := range v.Params {
			q.Set(name, value)
		}
		if got := signQuery(v.Secret, q); got != v.Expected {
			t.Errorf("%s: %s", v.Name, got)
		}
		if full, err := url.ParseQuery(v.Query); err != nil || signQuery(v.Secret, full) != full.Get("hmac") {
			t.Errorf("%s: the full query", v.Name)
		}
	}
	t.Logf("%d vectors", len(file.Vectors))
}

// TestProxyVectors signs the app proxy requests of the shared vectors.
func TestProxyVectors(t *testing.T) {
	var file struct {
		Vectors []struct {
			Name, Secret string
			Params       map[string]any
			Expected     string `json:"expected_signature_hex"`
		}
	}
	vectors(t, "shopify_app_proxy.json", &file)
	for _, v := range file.Vectors {
		q := url.Values{"signature": {"left out"}}
		for name, value := range v.Params {
			if list, several := value.([]any); several {
				for _, item := range list {
					q.Add(name, item.(string))
				}
			} else {
				q.Set(name, value.(string))
			}
		}
		if got := ProxySignature(v.Secret, q); got != v.Expected {
			t.Errorf("%s: %s", v.Name, got)
		}
	}
	t.Logf("%d vectors", len(file.Vectors))
}
