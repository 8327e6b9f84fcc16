package adapters

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/adapters/driver"
)

// TestPublic: no range that is not the public internet's, in whatever spelling.
func TestPublic(t *testing.T) {
	for _, text := range []string{
		"127.0.0.1", "127.8.8.8", "0.0.0.0", "0.1.2.3", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1",
		"100.100.100.200", "168.63.129.16", "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1",
		"255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:100.64.0.1", "::ffff:168.63.129.16", "::127.0.0.1", "fe80::1", "fe80::1%eth0", "fec0::1",
		"fc00::1", "fd00:ec2::254", "ff02::1", "64:ff9b::a00:1", "64:ff9b:1::1", "2001:db8::1", "2001::1", "2002:7f00:1::1", "100::1", "5f00::1",
	} {
		if public(netip.MustParseAddr(text)) {
			t.Errorf("%s is taken for public", text)
		}
	}
	for _, text := range []string{"8.8.8.8", "23.227.38.74", "172.32.0.1", "100.128.0.1", "2620:127:f00f:e::", "2606:4700::1111", "::ffff:8.8.8.8"} {
		if !public(netip.MustParseAddr(text)) {
			t.Errorf("%s is not taken for public", text)
		}
	}
	if public(netip.Addr{}) {
		t.Error("no address is taken for public")
	}
}

// TestSandboxAlone: a real server on loopback is reached by an app that says to be a sandbox at that very address, and by no
// other; a redirect to it is not followed, and a name that leads there is refused after it was resolved.
func TestSandboxAlone(t *testing.T) {
	hits := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits++
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "/here", http.StatusFound)
		}
	}))
	defer server.Close()
	port := server.URL[strings.LastIndex(server.URL, ":"):]
	for name, c := range map[string]struct {
		app  driver.App
		path string
		want hub.Code
		hits int
	}{
		"sandbox":              {driver.App{Environment: "sandbox", Base: server.URL}, "/", "", 1},
		"sandbox by name":      {driver.App{Environment: "sandbox", Base: "http://localhost" + port}, "/", CodeAddress, 0},
		"by name, https":       {driver.App{Environment: "sandbox", Base: "https://localhost" + port}, "/", CodeAddress, 0},
		"a redirect":           {driver.App{Environment: "sandbox", Base: server.URL}, "/away", "platform_error", 4},
		"live":                 {driver.App{Environment: "live", Base: server.URL}, "/", CodeAddress, 0},
		"live, https":          {driver.App{Environment: "live", Base: "https://127.0.0.1" + port}, "/", CodeAddress, 0},
		"a name for loopback":  {driver.App{Environment: "live", Base: "https://localhost"}, "/", CodeAddress, 0},
		"sandbox, not on here": {driver.App{Environment: "sandbox", Base: "http://10.0.0.1:80"}, "/", CodeAddress, 0},
		"sandbox, no port":     {driver.App{Environment: "sandbox", Base: "http://127.0.0.1"}, "/", CodeAddress, 0},
	} {
		hits = 0
		f := New(&platform{limits: driver.Limits{}}, c.app, Options{Clock: time.Now, Tokens: &tokens{}})
		request := get
		request.Path = c.path
		_, err := call(t, f, request)
		if hub.CodeOf(err) != c.want || hits != c.hits {
			t.Errorf("%s: %v, %d hits", name, err, hits)
		}
	}
	// Another port of loopback is another address, also for a sandbox.
	f := New(&platform{}, driver.App{Environment: "sandbox", Base: "http://127.0.0.1:1"}, Options{Clock: time.Now, Tokens: &tokens{}})
	download := get
	download.URL, hits = server.URL, 0
	if _, err := call(t, f, download); hub.CodeOf(err) != CodeAddress || hits != 0 {
		t.Errorf("%v, %d hits", err, hits)
	}
	way := Transport(driver.App{Environment: "sandbox", Base: "http://127.0.0.1:1"})
	r := httptest.NewRequest(http.MethodGet, server.URL, nil)
	r.RequestURI = ""
	if response, err := way.RoundTrip(r); err == nil {
		response.Body.Close()
		t.Error("the dialer alone lets another port of loopback through")
	}
}
