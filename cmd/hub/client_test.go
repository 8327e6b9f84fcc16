package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const testKey = "canary-key-canary-key-canary-key-canary"

// script is a hub that answers with what the test says and notes what it was asked.
type script struct {
	asked   []string
	answers []string // "status body"
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.asked = append(s.asked, strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Method, r.URL, body)))
	if r.Header.Get("Authorization") != "Bearer "+testKey {
		s.asked = append(s.asked, "without the key")
	}
	answer := s.answers[0]
	s.answers = s.answers[1:]
	var status int
	fmt.Sscan(answer, &status)
	if status/100 == 3 {
		w.Header().Set("Location", "/elsewhere")
	}
	w.WriteHeader(status)
	io.WriteString(w, answer[3:])
}

// hubCommand runs the program against a scripted hub.
func hubCommand(t *testing.T, s *script, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	server := httptest.NewServer(s)
	defer server.Close()
	t.Chdir(t.TempDir())
	var out, errs bytes.Buffer
	environ := []string{"HUB_URL=" + server.URL, "HUB_API_KEY=" + testKey}
	code = run(t.Context(), args, strings.NewReader(stdin), &out, &errs, environ)
	text := strings.ReplaceAll(errs.String(), server.URL, "URL")
	if strings.Contains(out.String()+text, testKey) {
		t.Errorf("%v shows the key", args)
	}
	return code, out.String(), text
}

func TestCommandsAskTheHub(t *testing.T) {
	for name, c := range map[string]struct {
		args, stdin, asked, answer, stdout string
	}{
		"tenant create": {"tenant create --name Loja -o json", "", `POST /v1/tenants {"name":"Loja"}`,
			`201{"tenant_id":"ten_1","name":"Loja","created_at":"T"}`, `{"tenant_id":"ten_1","name":"Loja","created_at":"T"}`},
		"tenant create with a retention": {"tenant create --name Loja --order-retention 30", "", `POST /v1/tenants {"name":"Loja","order_retention_days":30}`,
			`201{"tenant_id":"ten_1","name":"Loja","order_retention_days":30,"created_at":"T"}`, "TENANT  NAME  ORDER RETENTION  CREATED\nten_1   Loja  30 days          T\n"},
		"tenant list": {"tenant list", "", `GET /v1/tenants?limit=250`, `200{"data":[{"tenant_id":"ten_1","name":"a\u001b[2J\nb","order_retention_days":730}],"has_more":false,"next_cursor":null}`,
			"TENANT  NAME     ORDER RETENTION  CREATED\nten_1   a?[2J?b  730 days"},
		"key forget": {"key forget", "", `POST /v1/forget-cycles {}`,
			`200{"number":7,"phase":"done","from_generation":6,"to_generation":7,"kills":1,"weeks":0,"slots":3,"rows":12412,"duration_ms":1500,"waits_for":[],"receipt":{"generation":6,"gone_at":"T","method":"overwritten\n","same_volume":true}}`,
			"cycle      7, done\nforgotten  1 person, 0 expired weeks\nrenewed    3 wrapping keys, 12,412 rows wrapped again\ntook       1.5s\nroot       6 gone at T: overwritten?; it was on the vault's volume\n"},
		"key forget for programs": {"key forget --approve 2000 -o json", "", `POST /v1/forget-cycles {"approve":2000}`,
			`200{"number":7,"phase":"done","kills":2000,"waits_for":[]}`, `{"number":7,"phase":"done","from_generation":0,"to_generation":0,"kills":2000,`},
		"key forget with nothing to do": {"key forget", "", `POST /v1/forget-cycles {}`, `200{"number":0,"phase":"none","waits_for":[]}`,
			"nothing ended since the last cycle: nothing to do\n"},
		"instance list": {"instance list", "", `GET /v1/hubs?limit=250`, `200{"data":[{"instance":"ins_1","generation":3,"seen_at":"T"},{"instance":"ins_2"}]}`,
			"HUB    ROOT  SEEN\nins_1  3     T\nins_2  0\n"},
		"instance remove": {"instance remove ins_1 -o json", "", `DELETE /v1/hubs/ins_1`, `204`, `{"instance":"ins_1","state":"removed"}`},
		"key create": {"key create --tenant ten_1 --role erp --client e --scope personal:read -o json", "",
			`POST /v1/keys {"client":"e","role":"erp","scopes":["personal:read"],"tenant":"ten_1"}`,
			`201{"key_id":"key_1","key":"hub_live_x","role":"erp","client":"e","scopes":[]}`, `{"key_id":"key_1","key":"hub_live_x","role":"erp","client":"e","scopes":[]}`},
		"key create for an operator": {"key create --role operator", "", `POST /v1/keys {"role":"operator"}`,
			`201{"key_id":"key_1","key":"hub_live_x"}`, "ID     KEY\nkey_1  hub_live_x"},
		"key list":   {"key list --tenant ten_1 -o json", "", `GET /v1/keys?limit=250&tenant=ten_1`, `200{"data":[],"next_cursor":null}`, `{"data":[]}`},
		"key revoke": {"key revoke key_1 -o json", "", `DELETE /v1/keys/key_1`, `204`, `{"key_id":"key_1","state":"revoked"}`},
		"app add": {"app add --platform shopify --name A --secret-file - -o json", "from-a-file\n",
			`POST /v1/apps {"environment":"live","name":"A","platform":"shopify","secret":"from-a-file"}`, `201{"app_id":"app_1","hook_path":"/hooks/x"}`, `"app_id":"app_1"`},
		"app list": {"app list", "", `GET /v1/apps?limit=250`, `200{"data":[{"app_id":"app_1"}]}`, "app_1"},
		"connection add": {"connection add --tenant ten_1 --platform shopify --shop s --secret hush-hush -o json", "",
			`POST /v1/connections {"environment":"live","platform":"shopify","secret":"hush-hush","shop":"s","tenant":"ten_1"}`,
			`201{"connection_id":"con_1","hook_path":"/hooks/shopify/x","hook_url":"https://h/hooks/shopify/x"}`, `"hook_path":"/hooks/shopify/x","hook_url":"https://h/hooks/shopify/x"`},
		"connection add to an app": {"connection add --tenant ten_1 --platform shopify --shop s --app app_1 --environment sandbox", "",
			`POST /v1/connections {"app_id":"app_1","environment":"sandbox","platform":"shopify","shop":"s","tenant":"ten_1"}`, `201{"connection_id":"con_1"}`, "con_1"},
		"connection list": {"connection list --tenant ten_1", "", `GET /v1/connections?limit=250&tenant=ten_1`, `200{"data":[{"connection_id":"con_1","shop":"s"}]}`, "con_1"},
		"parked list": {"parked list --tenant ten_1 --state open --code money_invalid", "", `GET /v1/parked?code=money_invalid&limit=250&state=open&tenant=ten_1`,
			`200{"data":[{"parked_id":"prk_1","code":"money_invalid","path":"a[0].b","state":"open","attempts":2}]}`, "prk_1   open   money_invalid  a[0].b"},
		"parked replay": {"parked replay prk_1 --tenant ten_1 -o json", "", `POST /v1/parked/prk_1/replay?tenant=ten_1`, `200{"parked_id":"prk_1","state":"replayed"}`, `{"parked_id":"prk_1","state":"replayed"}`},
		"parked dry run": {"parked replay prk_1 --dry-run -o json", "", `POST /v1/parked/prk_1/replay?dry_run=true`,
			`200{"parked_id":"prk_1","state":"replayed","outcome":"applied","dry_run":true}`, `"outcome":"applied","dry_run":true`},
		"parked by code": {"parked replay --tenant ten_1 --code money_invalid --before 2026-01-02T03:04:05Z --dry-run", "",
			`POST /v1/parked/replay?tenant=ten_1 {"code":"money_invalid","before":"2026-01-02T03:04:05Z","dry_run":true}`,
			`200{"data":[{"parked_id":"prk_1","state":"replayed","outcome":"applied"},{"parked_id":"prk_2","state":"closed","outcome":"settled"}]}`, "prk_2   closed    settled"},
		"parked by cause": {"parked list --tenant ten_1 --by cause", "", `GET /v1/parked/summary?tenant=ten_1`,
			`200{"data":[{"code":"missing","path":"lines[].id","platform":"shopify","deliveries":3,"orders":2,"unknown_orders":1,"money":[{"amount":"7.50","currency":"BRL"},{"amount":"9","currency":"JPY"}],"unknown_money":0}],"complete":true}`,
			"3           2 + 1 unknown  7.50 BRL, 9 JPY"},
		"renormalise": {"replay --tenant ten_1 --connection con_1", "", `POST /v1/renormalisations?tenant=ten_1 {"connection_id":"con_1","dry_run":true}`,
			`200{"data":[{"order_id":"ord_1","revision":3,"outcome":"differs","diff":[{"path":"channel","before":null,"after":"web"}],"personal":["buyer.note"]}],"counts":{"differs":1}}`, "channel               null    \"web\""},
		"renormalise for good": {"replay --tenant ten_1 --apply -o json", "", `POST /v1/renormalisations?tenant=ten_1 {"dry_run":false}`,
			`200{"data":[],"counts":{"same":4}}`, `{"data":[],"counts":{"same":4},"dry_run":false}`},
		"lineage": {"order lineage ord_1 --tenant ten_1", "", `GET /v1/orders/ord_1/lineage?tenant=ten_1`,
			`200{"order_id":"ord_1","received":[{"delivery":"0102","taken_at":"2026-01-02T03:04:05.5Z","topic":"orders/create","raw_ref":"raw_1"}],"revisions":[{"revision":1,"sequence":7,"type":"order.created","time":"2026-01-02T03:04:05.51Z","rules":"shopify/2","published":true}]}`,
			"2026-01-02T03:04:05.5Z   received       0102        orders/create, raw_1\n2026-01-02T03:04:05.51Z  order.created  revision 1  number 7, shopify/2, published"},
		"parked drop":  {"parked drop prk_1", "", `POST /v1/parked/prk_1/drop`, `200{"parked_id":"prk_1","state":"dropped"}`, "dropped"},
		"path escapes": {"key revoke key_/../tenants", "", `DELETE /v1/keys/key_%2F..%2Ftenants`, `204`, "revoked"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{answers: []string{c.answer}}
			code, stdout, stderr := hubCommand(t, s, c.stdin, strings.Fields(c.args)...)
			if code != 0 || !strings.Contains(stdout, c.stdout) || stderr != "" {
				t.Errorf("exit %d\n%s%s", code, stdout, stderr)
			}
			if got := strings.Join(s.asked, "\n"); got != c.asked {
				t.Errorf("asked %s\nwant %s", got, c.asked)
			}
		})
	}
}

func TestListsAreReadToTheirEnd(t *testing.T) {
	s := &script{answers: []string{`200{"data":[{"tenant_id":"ten_1"}],"has_more":true,"next_cursor":"c1"}`, `200{"data":[{"tenant_id":"ten_2"}],"next_cursor":null}`}}
	code, stdout, _ := hubCommand(t, s, "", "tenant", "list", "-o", "json")
	var printed struct{ Data []tenant }
	if err := json.Unmarshal([]byte(stdout), &printed); err != nil || code != 0 || len(printed.Data) != 2 {
		t.Errorf("exit %d: %s", code, stdout)
	}
	if s.asked[1] != "GET /v1/tenants?cursor=c1&limit=250" {
		t.Errorf("asked %q", s.asked)
	}
}

func TestRefusalsAreReadable(t *testing.T) {
	for name, c := range map[string]struct{ args, answer, stderr string }{
		"problem": {"tenant create --name x", `409{"title":"Conflict","status":409,"detail":"Taken.","code":"name_taken","request_id":"req_1"}`,
			"hub: Conflict: Taken.\nhub:   code name_taken, request req_1\n"},
		"violations": {"tenant create --name x", `422{"title":"T","detail":"D.","code":"request_invalid","request_id":"req_1","errors":[{"path":"body.name","detail":"is too long"}]}`,
			"hub: T: D.\nhub:   body.name: is too long\nhub:   code request_invalid, request req_1\n"},
		"no tenant": {"parked list", `422{"title":"T","detail":"D.","code":"tenant_required","request_id":"req_1"}`,
			"hub: T: D.\nhub:   name it with --tenant\nhub:   code tenant_required, request req_1\n"},
		"no hub":            {"tenant list", `404<html>canary</html>`, "hub: URL answered 404 Not Found and is no hub\n"},
		"redirect":          {"tenant list", `302`, "hub: URL answered 302 Found and is no hub\n"},
		"success of no hub": {"tenant list", `200<html>`, "hub: the answer of URL is not that of a hub\n"},
		"steering text":     {"tenant list", `400{"title":"a\u001b[2J","detail":"b\nc","code":"d","request_id":"e"}`, "hub: a?[2J: b?c\nhub:   code d, request e\n"},
		"stays parked":      {"parked replay prk_1", `200{"parked_id":"prk_1","state":"open","code":"money_invalid","path":"a.b"}`, "hub: it stays parked: money_invalid at a.b\n"},
		"some stay":         {"parked replay --code x", `200{"data":[{"parked_id":"prk_1","state":"open","code":"x"},{"parked_id":"prk_2","state":"replayed"}]}`, "hub: 1 of 2 stay parked\n"},
		"refused payloads":  {"replay --tenant t", `200{"data":[],"counts":{"refused":2}}`, "hub: today's rules refuse 2 stored payloads\n"},
		"more than counted": {"parked list --by cause", `200{"data":[],"complete":false}`, "hub: there are more than this counts: these are the oldest\n"},
		"approval needed": {"key forget", `409{"title":"Conflict","detail":"Many.","code":"approval_needed","request_id":"req_1","approval":{"kills":2000,"subjects":1}}`,
			"hub: Conflict: Many.\nhub:   2,000 persons would be forgotten, alive after it: 1 person; approve with --approve 2000\nhub:   code approval_needed, request req_1\n"},
		"cycle that waits": {"key forget", `200{"number":7,"phase":"sealed","waits_for":["ins_1","ins_2"]}`,
			"hub: the cycle waits for ins_1, ins_2: run it again when they have moved; if a disk is destroyed, say so with hub instance remove\n"},
		"without a place": {"parked replay prk_1", `200{"parked_id":"prk_1","state":"open","code":"no_target"}`, "hub: it stays parked: no_target\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{answers: []string{c.answer}}
			code, _, stderr := hubCommand(t, s, "", strings.Fields(c.args)...)
			if code != exitFailed || stderr != c.stderr || len(s.asked) != 1 {
				t.Errorf("exit %d, %d questions\n%s", code, len(s.asked), stderr)
			}
		})
	}
}

func TestSecretFromAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("hush-hush\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &script{answers: []string{`201{"app_id":"app_1"}`}}
	code, _, stderr := hubCommand(t, s, "", "app", "add", "--platform", "shopify", "--name", "A", "--secret-file", file)
	if code != 0 || !strings.Contains(s.asked[0], `"secret":"hush-hush"`) {
		t.Errorf("exit %d: %s %q", code, stderr, s.asked)
	}
	for _, wrong := range []string{filepath.Join(t.TempDir(), "none"), os.DevNull} {
		if code, _, _ := hubCommand(t, s, "", "app", "add", "--platform", "shopify", "--name", "A", "--secret-file", wrong); code != exitFailed {
			t.Errorf("%s: exit %d", wrong, code)
		}
	}
}

// What a driver must never do does not end the program without a word.
func TestPanicOfADriver(t *testing.T) {
	_, err := guarded(func([]byte) (int, error) { panic("canary") }, nil)
	if err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("got %v", err)
	}
}
