package adaptertest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	boxmercadolibre "hub/adapters/sandbox/mercadolibre"
	boxshopee "hub/adapters/sandbox/shopee"
	boxshopify "hub/adapters/sandbox/shopify"
)

// slowBody is a form that does not come before somebody has looked.
type slowBody struct {
	look func()
	io.Reader
}

func (b *slowBody) Read(into []byte) (int, error) {
	if b.look != nil {
		b.look()
		b.look = nil
	}
	return b.Reader.Read(into)
}

// TestSlowForm: who is slow in sending a page's form keeps nobody else waiting.
func TestSlowForm(t *testing.T) {
	const back = "https://hub.example.com/callback"
	shopify, shopee, mercadoLibre := boxshopify.Open(boxshopify.Options{Start: start}), boxshopee.Open(boxshopee.Options{Start: start}), boxmercadolibre.Open(boxmercadolibre.Options{Start: start})
	if _, err := shopify.AddApp(boxshopify.AppSpec{ClientID: "1", Secrets: []string{"s"}, Redirects: []string{back}}); err != nil {
		t.Fatal(err)
	}
	if _, err := shopify.AddShop(boxshopify.ShopSpec{Name: "conform"}); err != nil {
		t.Fatal(err)
	}
	if _, err := mercadoLibre.AddApp(boxmercadolibre.AppSpec{ClientID: "1", Secret: "s", Redirects: []string{back}}); err != nil {
		t.Fatal(err)
	}
	asked := "?client_id=1&response_type=code&redirect_uri=" + url.QueryEscape(back)
	for _, one := range []struct {
		at  string
		now func() time.Time
		http.Handler
	}{
		{"/shops/conform.myshopify.com/admin/oauth/authorize" + asked, shopify.Now, shopify},
		{"/api/v2/shop/auth_partner", shopee.Now, shopee},
		{"/authorization" + asked, mercadoLibre.Now, mercadoLibre},
	} {
		answered := make(chan struct{})
		body := &slowBody{func() {
			go func() { one.now(); close(answered) }()
			select {
			case <-answered:
			case <-time.After(5 * time.Second):
				t.Errorf("%s: nobody is answered while a form is read", one.at)
			}
		}, strings.NewReader("nonce=x&user=1")}
		r := httptest.NewRequest(http.MethodPost, one.at, body)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		one.ServeHTTP(w, r)
		if <-answered; w.Code != http.StatusForbidden {
			t.Errorf("%s: %d %s", one.at, w.Code, w.Body)
		}
	}
}
