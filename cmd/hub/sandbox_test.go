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
)

// TestSandbox starts the command, lets a shop sell something to a receiver, looks at the page and stops it.
func TestSandbox(t *testing.T) {
	got := make(chan string, 64)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case got <- r.Header.Get("X-Shopify-Topic") + " " + r.Header.Get("X-Shopify-Shop-Domain"):
		default:
		}
	}))
	defer receiver.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	in, out := io.Pipe()
	ended := make(chan int, 1)
	var errs bytes.Buffer
	go func() {
		args := []string{"sandbox", "--listen", "127.0.0.1:0", "--shops", "a,b", "--rate", "0", "--currency", "JPY", "--hook", "b=" + receiver.URL, "--fault", "duplicate=1000", "-o", "json"}
		ended <- run(ctx, args, strings.NewReader(""), out, &errs, nil)
	}()
	var printed struct {
		Address string
		App     sandboxApp
		Shops   []sandboxShop
	}
	if err := json.NewDecoder(in).Decode(&printed); err != nil || len(printed.Shops) != 2 || printed.Shops[0].Secret != "" || printed.Shops[1].Secret == "" || printed.App.Secret == "" {
		t.Fatalf("%+v, %v\n%s", printed, err, &errs)
	}
	answer, err := http.Post(printed.Address+"/sandbox/orders", "application/json", strings.NewReader(`{"shop":"b.myshopify.com","action":"create"}`))
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%v %v", answer, err)
	}
	answer.Body.Close()
	for range 2 { // the delivery and its duplicate
		if topic := <-got; topic != "orders/create b.myshopify.com" {
			t.Errorf("received %s", topic)
		}
	}
	page, err := http.Get(printed.Address)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(page.Body)
	page.Body.Close()
	if err != nil || !strings.Contains(string(text), "b.myshopify.com") {
		t.Errorf("%s %v", text, err)
	}
	cancel()
	if code := <-ended; code != exitOK || errs.Len() > 0 {
		t.Errorf("exit %d\n%s", code, &errs)
	}
}

// TestSandboxUsage: mistakes are found before anything is opened.
func TestSandboxUsage(t *testing.T) {
	for _, line := range []string{
		"--listen 0.0.0.0:8787", "--listen 192.0.2.1:1", "--listen localhost", "--rate -1", "--pace 0s", "--speed 0", "--fault flood=1", "--fault drop=1001", "--hook x=http://127.0.0.1/", "--hook little-shop=nowhere",
		"--currency XXX", "--secret a --secret-file b",
	} {
		var errs bytes.Buffer
		args := append([]string{"sandbox"}, strings.Fields(line)...)
		if code := run(t.Context(), args, strings.NewReader(""), io.Discard, &errs, nil); code != exitUsage || errs.Len() == 0 {
			t.Errorf("%s: exit %d %s", line, code, &errs)
		}
	}
	var errs bytes.Buffer
	if code := run(t.Context(), []string{"sandbox", "--listen", "127.0.0.1:0", "--shops", "no_such name"}, strings.NewReader(""), io.Discard, &errs, nil); code != exitFailed {
		t.Errorf("a name that is none: %s", fmt.Sprint(&errs))
	}
}
