package shopee

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/adapters/adaptertest"
	"hub/adapters/driver"
)

var update = flag.Bool("update", false, "write testdata/*.want.json instead of comparing them")

const (
	account = "727720655"
	hookURL = "https://hub.example.test/hooks/shopee/x?y=1"
)

// TestConformance runs the suite with our own samples.
func TestConformance(t *testing.T) {
	adaptertest.Run(t, adaptertest.Harness{
		Driver:          New(),
		Sign:            signed,
		SignatureHeader: "Authorization",
		URL:             hookURL,
		Probe:           isProbe,
		Account:         account,
		Deliveries:      deliveries(t),
		Orders:          samples(t),
		Bad:             badDocuments(t),
		Strange:         strange(t),
		Forged:          forged(t),
		Envelope:        envelopes,
		Words:           documentedWords(),
	})
}

// signed makes the headers of a push as developer guide 18 describes them.
func signed(body []byte, secret string, _ driver.Notice) http.Header {
	return http.Header{"Authorization": {signature(hookURL, body, secret)}, "Content-Type": {"application/json"}}
}

func signature(url string, body []byte, key string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(url + "|"))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// isProbe says what a trial of the address looks like, apart from the driver: nothing, or a code that is the number 0.
func isProbe(body []byte) bool {
	if len(body) == 0 {
		return true
	}
	var push map[string]json.RawMessage
	return json.Unmarshal(body, &push) == nil && string(push["code"]) == "0" && bytes.Count(body, []byte(`"code"`)) == 1
}

// triggered is the timestamp of all samples.
var triggered = time.Unix(1767312000, 0).UTC()

// deliveries are the pushes that Shopee lists, right and wrong ones.
func deliveries(t *testing.T) (all []adaptertest.Delivery) {
	const order = hub.ExternalID("260101READY001")
	add := func(name, body string, want adaptertest.Meaning, id hub.ExternalID, code hub.Code) {
		n := driver.Notice{TriggeredAt: triggered}
		if at := strings.Index(body, `"code":`); at >= 0 {
			n.Topic = strconv.Itoa(int(number(body[at+7:])))
		}
		if strings.Contains(body, `"msg_id":"m-1"`) {
			n.DeliveryID = "m-1"
		}
		if !strings.Contains(body, `"timestamp":1767312000`) {
			n.TriggeredAt = time.Time{}
		}
		all = append(all, adaptertest.Delivery{Name: name, Notice: n, Body: []byte(body), Want: want, ID: id, Code: code})
	}
	envelope := func(code, data string) string {
		return `{"msg_id":"m-1","data":` + data + `,"shop_id":727720655,"code":` + code + `,"timestamp":1767312000}`
	}
	for _, code := range strings.Fields("3 4 15 30") {
		add("code "+code, envelope(code, `{"items":[],"ordersn":"260101READY001","status":"PROCESSED"}`), adaptertest.WantHint, order, "")
	}
	for _, code := range strings.Fields("15 29 47") {
		add("code "+code+", other spelling", envelope(code, `{"order_sn":"260101READY001","return_sn":"2601010RETURN01"}`), adaptertest.WantHint, order, "")
	}
	for _, code := range strings.Fields("5 6 7 8 9 10 11 13 16 22 23 24 25") {
		add("code "+code, envelope(code, `{"title":"Lantern festival","shop_id":727720655}`), adaptertest.WantIgnored, "", "")
	}
	add("authorised", `{"data":{"shop_id":727720655,"success":1},"partner_id":2000002,"code":1,"timestamp":1767312000}`, adaptertest.WantIgnored, "", "")
	add("several authorised", `{"data":{"main_account_id":68272,"shop_id_list":[727720655,62000002]},"partner_id":2000002,"code":1,"timestamp":1767312000}`, adaptertest.WantIgnored, "", "")
	add("grants end", `{"code":12,"timestamp":1767312000,"data":{"shop_expire_soon":[727720655],"expire_before":1767916800,"page_no":1,"total_page":1}}`, adaptertest.WantHint, "", "")
	add("deauthorised", `{"data":{"authorize_type":"expiry","shopid":727720655,"success":1},"code":2,"partner_id":800000,"timestamp":1767312000}`, adaptertest.WantHint, "", "")
	add("made up", envelope("99", `{"ordersn":"260101READY001"}`), adaptertest.WantError, "", hub.CodeTopicUnknown)
	add("another's", strings.Replace(envelope("3", `{"ordersn":"260101READY001"}`), "727720655", "727720656", 1), adaptertest.WantError, "", hub.CodeShopMismatch)
	add("two shops", envelope("3", `{"ordersn":"260101READY001","shop_id":727720656}`), adaptertest.WantError, "", hub.CodeShopMismatch)
	add("no number", envelope("3", `{"status":"PROCESSED"}`), adaptertest.WantError, "", hub.CodeMissing)
	add("a list of numbers", envelope("3", `{"ordersn":"260101READY001,260101READY002"}`), adaptertest.WantError, "", hub.CodeOutOfRange)
	add("an address for a number", envelope("3", `{"ordersn":"mira@example.test"}`), adaptertest.WantError, "", hub.CodeOutOfRange)
	add("data as text", envelope("3", `"{\"ordersn\":\"260101READY001\"}"`), adaptertest.WantError, "", hub.CodeWrongType)
	add("no code", `{"data":{"ordersn":"260101READY001"},"shop_id":727720655,"timestamp":1767312000}`, adaptertest.WantError, "", hub.CodeMissing)
	add("a list", `[{"ordersn":"260101READY001"}]`, adaptertest.WantError, "", hub.CodeWrongType)
	add("twice", `{"code":3,"code":5,"shop_id":727720655}`, adaptertest.WantError, "", hub.CodeDuplicateKey)
	all[len(all)-1].Notice = driver.Notice{}
	add("cut", `{"data":{"ordersn":"260101READY0`, adaptertest.WantError, "", hub.CodeMalformed)
	add("an order", string(file(t, "ready.json")), adaptertest.WantDraft, order, "")
	add("a fetched order", string(file(t, "returned_part.json")), adaptertest.WantDraft, "260101PARTRET1", "")
	return all
}

// number reads the digits at the beginning of a text.
func number(text string) (n int64) {
	for i := 0; i < len(text) && text[i] >= '0' && text[i] <= '9'; i++ {
		n = n*10 + int64(text[i]-'0')
	}
	return n
}

// forged are signatures by a wrong recipe, under the right key.
func forged(t *testing.T) (all []adaptertest.Forged) {
	const key = "push-key"
	body := []byte(`{"data":{"ordersn":"260101READY001"},"shop_id":727720655,"code":3,"timestamp":1767312000}`)
	right := signature(hookURL, body, key)
	add := func(name, header, url string, secrets ...string) {
		all = append(all, adaptertest.Forged{Name: name, Signed: driver.Signed{
			Header: http.Header{"Authorization": {header}}, Body: body, URL: url, Secrets: secrets,
		}})
	}
	if _, err := New().Verify(driver.Signed{Header: http.Header{"Authorization": {right}}, Body: body, URL: hookURL, Secrets: []string{"", key}}); err != nil {
		t.Fatal(err)
	}
	add("to another address", right, "https://hub.example.test/hooks/shopee/z?y=1", key)
	add("without the query", right, strings.TrimSuffix(hookURL, "?y=1"), key)
	add("to no address", signature("", body, key), "", key)
	add("of another key", signature(hookURL, body, "other"), hookURL, key)
	add("with a scheme", "SHA256 "+right, hookURL, key)
	add("in capitals", strings.ToUpper(right), hookURL, key)
	return all
}

// samples are complete orders with what they must become. Each is read bare and as the platform answers it.
func samples(t *testing.T) (orders []adaptertest.Order) {
	names, err := filepath.Glob("testdata/*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	for _, path := range names {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		if strings.HasSuffix(name, ".want") {
			continue
		}
		bare := file(t, name+".json")
		documents := [][]byte{bare, []byte(`{"error":"","message":"","response":{"order_list":[` + string(bare) + `]},"request_id":"r"}`)}
		if *update {
			write(t, name, bare)
		}
		o := adaptertest.Order{Name: name, Documents: documents, Adjustment: adjustment(t, bare), Want: file(t, name+".want.json")}
		if name == "bundle" {
			o.Adjustment, o.Reason = "-30000.00", "what a bundle takes off is only in the escrow"
		}
		orders = append(orders, o)
	}
	return orders
}

// adjustment is nothing, in the currency of the document.
func adjustment(t *testing.T, document []byte) string {
	t.Helper()
	var o struct {
		Currency hub.Currency
		Order    struct{ Currency hub.Currency }
	}
	if err := json.Unmarshal(document, &o); err != nil {
		t.Fatal(err)
	}
	return hub.Zero(o.Currency + o.Order.Currency).Amount()
}

func write(t *testing.T, name string, document []byte) {
	t.Helper()
	draft, err := New().Order(document)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(draft.Order)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("testdata", name+".want.json"), append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

func envelopes(orders [][]byte) []adaptertest.Envelope {
	each := func(before, between, after string) []byte {
		return []byte(before + string(bytes.Join(orders, []byte(between))) + after)
	}
	return []adaptertest.Envelope{
		{Name: "answer", Document: each(`{"error":"","message":"","response":{"order_list":[`, ",", `]},"request_id":"r"}`)},
		{Name: "placeholders", Document: each(`{"error":"-","message":"-","response":{"order_list":[`, ",", `]}}`)},
		{Name: "order_list", Document: each(`{"order_list":[`, ",", `],"warning":[]}`)},
		{Name: "list", Document: each(" [", "\n,", "] \n")},
		{Name: "list of answers", Document: each(`[{"response":{"order_list":[`, `]}},{"response":{"order_list":[`, `]}}]`)},
		{Name: "JSON lines", Document: each("", "\n", "\n")},
		{Name: "answers one after another", Document: each(`{"response":{"order_list":[`, `]}}`+"\r\n"+`{"response":{"order_list":[`, `]}}`)},
	}
}
