package adaptertest

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"hub"
	"hub/adapters/driver"
)

// The secrets of an app whose secret was rotated: either may sign.
const (
	secret    = "suite-secret-0123456789abcdef0123456789"
	oldSecret = "suite-secret-before-the-rotation"
	foreign   = "suite-secret-of-somebody-else"
)

func testVerifyAccepts(t *testing.T, h Harness) {
	for _, d := range h.Deliveries {
		for _, signing := range []string{secret, oldSecret} {
			for _, accepted := range [][]string{{secret, oldSecret}, {oldSecret, secret}, {"", secret, oldSecret}} {
				got, err := h.verify(h.Sign(d.Body, signing, d.Notice), d.Body, accepted)
				if err != nil {
					t.Errorf("%s: %v", d.Name, err)
				}
				if got != d.Notice {
					t.Errorf("%s: notice %+v, want %+v", d.Name, got, d.Notice)
				}
			}
		}
	}
}

// verify calls the driver as the door does.
func (h Harness) verify(header http.Header, body []byte, secrets []string) (driver.Notice, error) {
	return h.Driver.Verify(driver.Signed{Header: header, Body: body, URL: h.URL, ClientID: h.ClientID, Secrets: secrets})
}

// refused fails unless the delivery is unauthentic, or is a trial of the address and told as nothing else.
func refused(t *testing.T, h Harness, what string, header http.Header, body []byte, secrets []string) {
	t.Helper()
	n, err := h.verify(header, body, secrets)
	if h.Probe != nil && h.Probe(body) {
		if err != nil || n != (driver.Notice{Probe: true}) {
			t.Errorf("%s: got %+v, %v; want a probe and nothing else", what, n, err)
		}
		return
	}
	if hub.KindOf(err) != hub.KindUnauthentic || n != (driver.Notice{}) {
		t.Errorf("%s: got %+v, %v; want unauthentic and nothing else", what, n, err)
	}
}

func testVerifyRefuses(t *testing.T, h Harness) {
	if h.Unsigned {
		t.Log("the platform signs nothing")
		return
	}
	random := rand.New(rand.NewPCG(1, 1))
	forged := 0
	for _, d := range h.Deliveries {
		good := func() http.Header { return h.Sign(d.Body, secret, d.Notice) }
		secrets := []string{secret, oldSecret}
		refused(t, h, d.Name+": another's secret", h.Sign(d.Body, foreign, d.Notice), d.Body, secrets)
		refused(t, h, d.Name+": no secret", good(), d.Body, nil)
		refused(t, h, d.Name+": empty secret", h.Sign(d.Body, "", d.Notice), d.Body, []string{""})
		refused(t, h, d.Name+": secret in another case", good(), d.Body, []string{strings.ToUpper(secret)})
		refused(t, h, d.Name+": cut short", good(), d.Body[:len(d.Body)-1], secrets)
		refused(t, h, d.Name+": one byte more", good(), append(bytes.Clone(d.Body), '\n'), secrets)
		refused(t, h, d.Name+": empty body", good(), nil, secrets)
		if again := reserialised(d.Body); again != nil && !bytes.Equal(again, d.Body) {
			refused(t, h, d.Name+": re-serialised", good(), again, secrets)
			forged++
		}
		for range 64 {
			body := bytes.Clone(d.Body)
			body[random.IntN(len(body))] ^= 1 << random.IntN(8)
			refused(t, h, d.Name+": a flipped bit", good(), body, secrets)
		}
		forged += 64 + 7
	}
	t.Logf("%d forged deliveries, seed 1", forged)
}

// reserialised returns the same JSON as another program would print it, nil when it is none.
func reserialised(body []byte) []byte {
	var v any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return nil
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return nil
	}
	return bytes.TrimSpace(out.Bytes())
}

// testVerifyForged refuses what the harness lists, under secrets that would do for others.
func testVerifyForged(t *testing.T, h Harness) {
	for _, f := range h.Forged {
		if n, err := h.Driver.Verify(f.Signed); hub.KindOf(err) != hub.KindUnauthentic || n != (driver.Notice{}) {
			t.Errorf("%s: got %+v, %v; want unauthentic and nothing else", f.Name, n, err)
		}
	}
	if h.Unsigned && len(h.Forged) == 0 {
		t.Error("the harness of a platform that signs nothing lists nothing forged")
	}
	t.Logf("%d listed forgeries", len(h.Forged))
}

func testVerifyHeaders(t *testing.T, h Harness) {
	if h.Unsigned {
		t.Log("the platform signs nothing")
		return
	}
	d := h.Deliveries[0]
	secrets := []string{secret}
	change := func(change func(http.Header)) http.Header {
		header := h.Sign(d.Body, secret, d.Notice)
		change(header)
		return header
	}
	signature := h.Sign(d.Body, secret, d.Notice).Get(h.SignatureHeader)
	if signature == "" {
		t.Fatalf("the harness signs in no header %q", h.SignatureHeader)
	}
	set := func(values ...string) http.Header {
		return change(func(header http.Header) { header[h.SignatureHeader] = values })
	}
	refused(t, h, "no header at all", http.Header{}, d.Body, secrets)
	refused(t, h, "nil header", nil, d.Body, secrets)
	refused(t, h, "no signature", change(func(header http.Header) { header.Del(h.SignatureHeader) }), d.Body, secrets)
	refused(t, h, "empty signature", set(""), d.Body, secrets)
	refused(t, h, "signature twice", set(signature, signature), d.Body, secrets)
	refused(t, h, "wrong, then right signature", set("x", signature), d.Body, secrets)
	refused(t, h, "two signatures in one", set(signature+", "+signature), d.Body, secrets)
	refused(t, h, "space behind", set(signature+" "), d.Body, secrets)
	refused(t, h, "line end inside", set(signature[:8]+"\r\n"+signature[8:]), d.Body, secrets)
	refused(t, h, "cut short", set(signature[:len(signature)-1]), d.Body, secrets)
	refused(t, h, "not an encoding", set(strings.Repeat("!", len(signature))), d.Body, secrets)
	refused(t, h, "other case", set(swapCase(signature)), d.Body, secrets)
	for i := range signature {
		b := []byte(signature)
		b[i] ^= 1
		refused(t, h, "one character changed", set(string(b)), d.Body, secrets)
	}
	for name := range h.Sign(d.Body, secret, d.Notice) {
		for _, value := range []string{strings.Repeat("a", 5000), "a\x00b", "a\r\nb", "a\x7fb", "é", "\xff"} {
			header := change(func(header http.Header) { header.Set(name, value) })
			if n, err := h.verify(header, d.Body, secrets); err == nil && strings.Contains(n.Topic+n.DeliveryID+n.Account+n.APIVersion, value) {
				t.Errorf("header %s took %.12q", name, value)
			}
		}
	}
}

func swapCase(s string) string {
	if up := strings.ToUpper(s); up != s {
		return up
	}
	return strings.ToLower(s)
}
