package demo

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// The browser keeps cookies, follows redirects, and sends the hidden fields of a form with what was chosen.
func TestBrowser(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /begin", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "c", Value: "v", Path: "/"})
		http.Redirect(w, r, "/page?state=s", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<form method="post"><input name="nonce" type="hidden" value="a&amp;b"><input type="text" name="free" value="x"><button name="decision" value="allow">Yes</button></form>`)
	})
	mux.HandleFunc("POST /page", func(w http.ResponseWriter, r *http.Request) {
		cookie, err := r.Cookie("c")
		if err != nil || cookie.Value != "v" || r.URL.Query().Get("state") != "s" || r.PostFormValue("nonce") != "a&b" || r.PostFormValue("free") != "" {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		fmt.Fprint(w, "decided: ", r.PostFormValue("decision"))
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	b, err := newBrowser()
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	page, err := b.open(t.Context(), server.URL+"/begin")
	if err != nil || page.at.Path != "/page" {
		t.Fatal(page, err)
	}
	page, err = b.submit(t.Context(), page, url.Values{"decision": {"allow"}})
	if err != nil || page.text != "decided: allow" {
		t.Fatal(page, err)
	}
	if _, err = b.submit(t.Context(), page, nil); err == nil {
		t.Error("a page without a form was sent")
	}
	server.Close()
	if _, err = b.open(t.Context(), server.URL+"/begin?ticket=CANARY"); err == nil || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("an error names the secret of an address: %v", err)
	}
}
