package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestSandbox starts the command for each platform, lets a shop sell something to a receiver, looks at the page and stops it.
func TestSandbox(t *testing.T) {
	for _, one := range []struct{ platform, market, member, id, told string }{
		{"shopify", "--currency=JPY", "shop", "b.myshopify.com", "orders/create b.myshopify.com"},
		{"shopee", "--country=VN", "shop", "220007012", "3 220007012"},
		{"mercadolibre", "--country=MLC", "seller", "", "orders_v2 "},
	} {
		t.Run(one.platform, func(t *testing.T) {
			got := make(chan string, 64)
			receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				select {
				case got <- toldBy(r):
				default:
				}
			}))
			defer receiver.Close()
			args := []string{"--platform", one.platform, one.market, "--shops", "a,b", "--rate", "0", "--hook", "b=" + receiver.URL, "--fault", "duplicate=1000"}
			printed, stop := startSandbox(t, args...)
			defer stop()
			if len(printed.Shops) != 2 || printed.Shops[0].Secret != "" || printed.Shops[1].Secret == "" || printed.App.Secret == "" || printed.App.ClientID == "" {
				t.Fatalf("%+v", printed)
			}
			shop := printed.Shops[1].Shop
			if one.id != "" && shop != one.id {
				t.Errorf("the shop is %s", shop)
			}
			answer, err := http.Post(printed.Address+"/sandbox/orders", "application/json", strings.NewReader(`{"`+one.member+`":"`+shop+`","action":"create"}`))
			if err != nil || answer.StatusCode != http.StatusOK {
				t.Fatalf("%v %v", answer, err)
			}
			answer.Body.Close()
			told := one.told
			if one.id == "" {
				told += shop
			}
			for range 2 { // the delivery and its duplicate
				select {
				case topic := <-got:
					if topic != told {
						t.Errorf("received %s, not %s", topic, told)
					}
				case <-time.After(10 * time.Second):
					t.Fatal("nothing was sent")
				}
			}
			page, err := http.Get(printed.Address)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(page.Body)
			page.Body.Close()
			if err != nil || !strings.Contains(string(text), shop) {
				t.Errorf("%s %v", text, err)
			}
		})
	}
}

// toldBy is what a delivery is about, and whose it is.
func toldBy(r *http.Request) string {
	if topic := r.Header.Get("X-Shopify-Topic"); topic != "" {
		return topic + " " + r.Header.Get("X-Shopify-Shop-Domain")
	}
	var body struct {
		Code  int
		Shop  int64 `json:"shop_id"`
		Topic string
		User  any `json:"user_id"` // a number or a text
	}
	d := json.NewDecoder(r.Body)
	d.UseNumber()
	if err := d.Decode(&body); err != nil {
		return err.Error()
	}
	if body.Topic != "" {
		return fmt.Sprint(body.Topic, " ", body.User)
	}
	return fmt.Sprint(body.Code, " ", body.Shop)
}

// printedSandbox is what the command prints for programs.
type printedSandbox struct {
	Address string
	App     sandboxApp
	Shops   []sandboxShop
}

// startSandbox runs the command until stop, which fails the test when it did not end well.
func startSandbox(t *testing.T, args ...string) (printed printedSandbox, stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	in, out := io.Pipe()
	ended := make(chan int, 1)
	var errs bytes.Buffer
	go func() {
		ended <- run(ctx, append([]string{"sandbox", "--listen", "127.0.0.1:0", "-o", "json"}, args...), strings.NewReader(""), out, &errs, nil)
		out.Close()
	}()
	if err := json.NewDecoder(in).Decode(&printed); err != nil {
		cancel()
		t.Fatalf("%v, exit %d\n%s", err, <-ended, &errs)
	}
	return printed, func() {
		cancel()
		if code := <-ended; code != exitOK || errs.Len() > 0 {
			t.Errorf("exit %d\n%s", code, &errs)
		}
	}
}

// brief runs the command; one that serves instead of saying what is wrong ends well after some seconds.
func brief(t *testing.T, args []string, errs io.Writer) (code int) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	return run(ctx, args, strings.NewReader(""), io.Discard, errs, nil)
}

// TestSandboxUsage: mistakes are found before anything is opened.
func TestSandboxUsage(t *testing.T) {
	for _, line := range []string{
		"--listen 0.0.0.0:8787", "--listen 192.0.2.1:1", "--listen localhost", "--rate -1", "--pace 0s", "--speed 0", "--fault flood=1", "--fault drop=1001", "--hook x=http://127.0.0.1/", "--hook little-shop=nowhere",
		"--currency XXX", "--secret a --secret-file b", "--platform ebay", "--country BR", "--push http://127.0.0.1/", "--redirect here",
		"--platform shopee --fault stale=1", "--platform shopee --currency BRL", "--platform mercadolibre --app-url http://127.0.0.1/",
		"--platform mercadolibre --push nowhere",
	} {
		var errs bytes.Buffer
		args := append([]string{"sandbox", "--listen", "127.0.0.1:0"}, strings.Fields(line)...)
		if code := brief(t, args, &errs); code != exitUsage || errs.Len() == 0 {
			t.Errorf("%s: exit %d %s", line, code, &errs)
		}
	}
	for _, args := range [][]string{{"--shops", "no_such name"}, {"--platform", "shopee", "--country", "XX"}, {"--platform", "mercadolibre", "--country", "BR"}} {
		var errs bytes.Buffer
		if code := brief(t, append([]string{"sandbox", "--listen", "127.0.0.1:0"}, args...), &errs); code != exitFailed {
			t.Errorf("%s, of which there are none: exit %d, %s", args, code, &errs)
		}
	}
}
