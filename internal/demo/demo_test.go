package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// hook is an output on which something happens at a text.
type hook struct {
	bytes.Buffer
	at   string
	then func() error
}

func (h *hook) Write(b []byte) (int, error) {
	if strings.Contains(string(b), h.at) {
		if err := h.then(); err != nil {
			return 0, err
		}
	}
	return h.Buffer.Write(b)
}

// empty fails the test when the demo has left something in the temporary folder.
func empty(t *testing.T, folder string) {
	t.Helper()
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("%d are left in the temporary folder, %v", len(left), err)
	}
}

// What a demo prints when nobody watches, with # for numbers: at the begin, of each shop, and at the end.
const (
	wantUp = `A hub is up, as hub serve starts it: SQLite files, its own event stream, nothing answered before it is on disk.
Everything else is made up and runs in here, too: the platforms, their shops and buyers, the ERPs. All files are in a temporary folder.

`
	wantConnected = "%s has connected its shop %s, on the page on which %s asks for consent; orders from before: #.\n"
	wantBegin     = `The ERP of each merchant pulls orders from the hub and acknowledges them, and one more program listens to the event stream.

Now buyers order, pay, return: # orders in all, # seconds of theirs in one of ours. On purpose, deliveries (webhooks) are lost, doubled,
late or forged, and the platforms answer some questions badly. An order is done when its life is over and the ERP has it as its
shop does. Counted beside that: deliveries tried, changes pulled by the ERPs, and changes heard on the stream.

  #/# orders done, # deliveries, # pulled, # heard

`
	wantShop = `%[1]s on %[2]s
       #  orders, # of them from before the shop was connected, # deleted since; # things happened to them
          What the hub heard of it, and what went wrong on purpose
       #  deliveries sent, and # of them twice; # were still to be sent again at the end
       #  deliveries never sent, so # of the # things were not told, among them the last one of # orders
       #  failed on the way: # were turned back, of # the hub's answer was lost; %[2]s tried again # times
       #  came to the hub after newer news of their order
       #  %[3]s
       #  questions that the hub asked %[2]s, about what it was told and what it was not; # were answered badly
          What came of it
       #  orders in the ERP, # as the shop has them now: version and amount; # acknowledged
       0  orders lost
       0  orders or changes that came twice
       0  changes out of order

`
	wantEnd = `The hub
       #  changes of orders pulled by the ERPs, numbered with # holes
       #  events heard on the stream, # of them more than once, # out of order
       #  changes that were not heard, or not as they were pulled
          How long it took: half of them within, # % within
    # ms     # ms  until a delivery was on disk and answered
    # ms     # ms  from a change in the hub to the ERP's books
    # ms     # ms  from a change in the hub to the listener on the stream

Every order is in the ERP's hands exactly once, after # s.
To look around in the hub and the made-up platforms, run hub demo --serve.
`
)

// want is the whole of it.
func want(t *testing.T) string {
	connected, shops := "", ""
	for _, one := range cast() {
		for _, open := range one.shops {
			about, _, err := open(Options{}, newWatch())
			if err != nil {
				t.Fatal(err)
			}
			forged := "forged by a stranger, # believed"
			if about.unsigned {
				forged = "made up by a stranger; " + about.title + " signs nothing, so the hub asks it what is true"
			}
			connected += fmt.Sprintf(wantConnected, one.name, about.shop, about.title)
			shops += fmt.Sprintf(wantShop, one.name, about.title, forged)
		}
	}
	return wantUp + connected + wantBegin + shops + wantEnd
}

var (
	number = regexp.MustCompile(` *\b\d+(\.\d+)?\b`)
	spaces = regexp.MustCompile(` {2,}`)
)

// shape is an output without its numbers, and with one progress line; the three zeros that matter stay.
func shape(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		keep := strings.HasSuffix(line, "  orders lost\n") || strings.HasSuffix(line, " came twice\n") || strings.HasSuffix(line, "  changes out of order\n")
		if !keep {
			line = number.ReplaceAllString(line, " #")
		}
		line = strings.TrimLeft(spaces.ReplaceAllString(strings.ReplaceAll(line, "/ #", "/#"), " "), " ")
		if strings.Contains(line, "orders done") && len(lines) > 0 && lines[len(lines)-1] == line {
			continue
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "")
}

// Seeds pass, and print what is expected of an output that is no terminal.
func TestDemo(t *testing.T) {
	t.Parallel()
	temporary := t.TempDir()
	seeds := sync.WaitGroup{}
	for seed := range uint64(2) {
		seeds.Go(func() {
			var out bytes.Buffer
			if err := Run(t.Context(), Options{Out: &out, Orders: 30, Seed: seed, temporary: temporary}); err != nil {
				t.Errorf("seed %d: %v\n%s", seed, err, &out)
				return
			}
			if got, expected := shape(out.String()), shape(want(t)); got != expected {
				t.Errorf("seed %d printed\n%s\nwhich has the shape\n%s\nnot\n%s", seed, &out, got, expected)
			}
			t.Logf("seed %d\n%s", seed, &out)
		})
	}
	seeds.Wait()
	empty(t, temporary)
}

// On a terminal the progress is one line that is redrawn, and gone in the end.
func TestBar(t *testing.T) {
	var out bytes.Buffer
	p := &progress{out: &out, interactive: true}
	p.draw(0, 8, "x")
	p.draw(2, 8, "y")
	p.end()
	const clear = "\r\x1b[K"
	expected := clear + "  ░░░░░░░░░░░░░░░░  0/8 orders done, x" + clear + "  ████░░░░░░░░░░░░  2/8 orders done, y" + clear
	if out.String() != expected {
		t.Errorf("%q\n%q", out.String(), expected)
	}
}

// TestHubThatFails puts a hub that does wrong behind the road: the demo must see it. One that hears nothing of an order is
// made good by polling, and only by that.
func TestHubThatFails(t *testing.T) {
	t.Parallel()
	deaf := Options{Orders: 10, poll: time.Hour, calm: true, patience: 2 * time.Second}
	var demos sync.WaitGroup // most of their time they wait
	defer demos.Wait()
	for _, wrong := range []struct {
		name, want string
		o          Options
		between    func(http.Handler) http.Handler
	}{
		{"it does not poll, and hears everything", "", Options{Orders: 10, poll: time.Hour, calm: true}, nil},
		{"it forgets an order and says 200", "orders lost (Shopify)", deaf, instead(http.StatusOK, isFirstOrder())},
		{"it refuses an order for ever", "orders lost (Shopify)", deaf, instead(http.StatusInternalServerError, isFirstOrder())},
		{"it forgets an order, but polls", "", Options{Orders: 10}, instead(http.StatusOK, isFirstOrder())},
		{"it says 200 to whoever signs", "forged deliveries believed (Shop", Options{Orders: 100, patience: 2 * time.Second}, believing},
	} {
		demos.Go(func() {
			var out bytes.Buffer
			wrong.o.Out, wrong.o.Seed, wrong.o.between = &out, 1, wrong.between
			err := Run(t.Context(), wrong.o)
			switch {
			case wrong.want == "" && err != nil:
				t.Errorf("%s: %v\n%s", wrong.name, err, &out)
			case wrong.want != "" && (err == nil || !strings.Contains(err.Error(), wrong.want) || strings.Contains(out.String(), "exactly once")):
				t.Errorf("%s: %v\n%s", wrong.name, err, &out)
			}
			t.Logf("%s: %v", wrong.name, err)
		})
	}
}

// isFirstOrder says whether a delivery is of the order that came first of all.
func isFirstOrder() func(order string) bool {
	var mu sync.Mutex
	first := ""
	return func(order string) bool {
		mu.Lock()
		defer mu.Unlock()
		if first == "" {
			first = order
		}
		return order != "" && order == first
	}
}

// instead answers with a status, and the hub hears nothing of it.
func instead(status int, of func(order string) bool) func(http.Handler) http.Handler {
	return func(hub http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if of(r.Header.Get("X-Shopify-Order-Id")) {
				w.WriteHeader(status)
				return
			}
			hub.ServeHTTP(w, r)
		})
	}
}

// believing is a hub that says 200 to every delivery.
func believing(hub http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/hooks/") {
			w = believer{w}
		}
		hub.ServeHTTP(w, r)
	})
}

// believer turns every refusal into a success.
type believer struct{ http.ResponseWriter }

func (b believer) WriteHeader(int) { b.ResponseWriter.WriteHeader(http.StatusOK) }

// An interrupted demo knows nothing about what would have come, and claims nothing.
func TestInterruptedDemoClaimsNoLoss(t *testing.T) {
	t.Parallel()
	temporary := t.TempDir()
	var demos sync.WaitGroup
	for _, at := range []string{"A hub is up", "orders done"} {
		demos.Go(func() {
			ctx, interrupt := context.WithCancel(t.Context())
			out := &hook{at: at, then: func() error { interrupt(); return nil }}
			err := Run(ctx, Options{Out: out, Orders: 200, Seed: 1, temporary: temporary})
			if !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "interrupted") || strings.Contains(err.Error()+out.String(), "orders lost") {
				t.Errorf("at %q: %v\n%s", at, err, out)
			}
		})
	}
	demos.Wait()
	empty(t, temporary)
}

// What cannot be printed is an error wherever it happens, the last line included.
func TestDemoReturnsWriteErrors(t *testing.T) {
	t.Parallel()
	temporary := t.TempDir()
	away := errors.New("nobody reads")
	var demos sync.WaitGroup
	for _, at := range []string{"orders done", "exactly once"} {
		demos.Go(func() {
			out := &hook{at: at, then: func() error { return away }}
			if err := Run(t.Context(), Options{Out: out, Orders: 2, Seed: 1, temporary: temporary}); !errors.Is(err, away) {
				t.Errorf("at %q: %v", at, err)
			}
			if at != "exactly once" && strings.Contains(out.String(), "orders lost") {
				t.Errorf("at %q: it went on to the end", at)
			}
		})
	}
	demos.Wait()
	empty(t, temporary)
}

// With Serve it stays, says where everything is, and an interrupt is then its regular end.
func TestServe(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	var answers []int
	platforms := 0
	for _, one := range cast() {
		platforms += len(one.shops)
	}
	address := regexp.MustCompile(`http://127\.0\.0\.1:\d+(/docs)?`)
	out := &visitor{visit: func(text string) {
		for _, url := range address.FindAllString(text, -1) {
			answer, err := http.Get(url)
			if err != nil {
				t.Error(err)
				continue
			}
			answer.Body.Close()
			answers = append(answers, answer.StatusCode)
		}
		interrupt()
	}}
	if err := Run(ctx, Options{Out: out, Orders: 2, Seed: 1, Serve: true}); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if len(answers) != 2+platforms || slices.ContainsFunc(answers[1:], func(status int) bool { return status != http.StatusOK }) || !strings.Contains(out.String(), "operator.key") {
		t.Errorf("%v\n%s", answers, out)
	}
}

// visitor goes where the last words of a demo say.
type visitor struct {
	bytes.Buffer
	visit func(string)
}

func (v *visitor) Write(b []byte) (int, error) {
	if strings.Contains(string(b), "Still up") {
		v.visit(string(b))
	}
	return v.Buffer.Write(b)
}
