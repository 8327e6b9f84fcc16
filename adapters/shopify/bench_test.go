package shopify

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"testing"

	"hub/adapters/driver"
)

// sized returns an order of about that many bytes, grown by repeating its line.
func sized(b testing.TB, size int) []byte {
	base := file(b, "multicurrency.rest.json")
	from := bytes.Index(base, []byte(`"line_items":[`)) + len(`"line_items":[`)
	to := bytes.Index(base[from:], []byte(`],"shipping_lines"`)) + from
	line := base[from:to]
	lines := [][]byte{line}
	for n := len(base); n < size; n += len(line) {
		lines = append(lines, bytes.Replace(line, []byte(`"id":21`), []byte(`"id":`+strconv.Itoa(1000+n)), 1))
	}
	return bytes.Join([][]byte{base[:from], bytes.Join(lines, []byte(",")), base[to:]}, nil)
}

func BenchmarkOrder(b *testing.B) {
	d := New()
	for _, size := range []int{4 << 10, 8 << 10, 64 << 10} {
		document := sized(b, size)
		b.Run(strconv.Itoa(size>>10)+"KiB", func(b *testing.B) {
			b.SetBytes(int64(len(document)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Order(document); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	d, document := New(), sized(b, 8<<10)
	mac := hmac.New(sha256.New, []byte("secret"))
	mac.Write(document)
	header := http.Header{}
	header.Set("X-Shopify-Hmac-Sha256", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	b.SetBytes(int64(len(document)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Verify(driver.Signed{Header: header, Body: document, Secrets: []string{"secret"}}); err != nil {
			b.Fatal(err)
		}
	}
}
