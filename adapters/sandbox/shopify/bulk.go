package shopify

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bulk operations (shopify.dev, bulk operations; texts and states from recorded answers).
const (
	bulkAtOnce = 5 // of one app in one shop since 2026-01; one before
	bulkLife   = 7 * 24 * time.Hour
	bulkBegins = time.Second            // before it runs (U)
	bulkPerRow = 200 * time.Microsecond // while it runs (U)
	bulkSlice  = 200                    // orders that are written while others wait
	outputs    = "/bulk-operation-outputs/"
)

// bulkOperation is a query that writes a file.
type bulkOperation struct {
	id        int64
	install   *install
	version   string
	text      string
	checker   *checker
	status    string
	errorCode any
	created   time.Time
	completed time.Time
	token     string // of the file's address
	file      []byte
	rows      int
	roots     int
}

func (b *bulkOperation) under() bool {
	return slices.Contains([]string{"CREATED", "RUNNING", "CANCELING"}, b.status)
}

// graphBulk is an operation as the API shows it. Its file is at the host that the question came to.
func (c *call) graphBulk(b *bulkOperation) object {
	o := object{
		"__typename": "BulkOperation", "id": gid("BulkOperation", b.id), "status": b.status, "type": "QUERY", "errorCode": b.errorCode,
		"createdAt": utc(b.created), "completedAt": utc(b.completed), "objectCount": strconv.Itoa(b.rows),
		"rootObjectCount": strconv.Itoa(b.roots), "fileSize": nil, "url": nil, "partialDataUrl": nil, "query": b.text,
	}
	if b.status == "COMPLETED" && !c.platform.line.Time().Before(b.completed.Add(bulkLife)) {
		o["status"] = "EXPIRED" // (U: when it turns)
	} else if b.status == "COMPLETED" {
		o["fileSize"] = strconv.Itoa(len(b.file))
		if len(b.file) > 0 {
			o["url"] = "http://" + c.host + outputs + b.token + "?Expires=" + fmt.Sprint(b.completed.Add(bulkLife).Unix()) + "&Signature=" + b.token[:16]
		}
	}
	return o
}

func (c *call) bulkOperation(args map[string]any) (any, *gqlError) {
	id, ok := number(args["id"].(string), "BulkOperation")
	if !ok {
		return nil, invalidID(args["id"].(string))
	}
	if v := c.bulkNode(id); v != nil {
		return v, nil
	}
	return nil, nil
}

func (c *call) currentBulkOperation(args map[string]any) (any, *gqlError) {
	for _, b := range slices.Backward(c.platform.bulk) {
		if b.install == c.install && args["type"] != "MUTATION" {
			return c.graphBulk(b), nil
		}
	}
	return nil, nil
}

// runBulk starts an operation, or says why not.
func (c *call) runBulk(args map[string]any) (any, *gqlError) {
	text := args["query"].(string)
	k, problems := bulkProblems(c.platform.schema, text)
	if len(problems) > 0 {
		list := []object{}
		for _, p := range problems {
			list = append(list, object{"field": []string{"query"}, "message": p, "code": "INVALID"})
		}
		return object{"bulkOperation": nil, "userErrors": list}, nil
	}
	limit := bulkAtOnce
	if c.version < "2026-01" {
		limit = 1
	}
	var running []string
	for _, b := range c.platform.bulk {
		if b.install == c.install && b.under() {
			running = append(running, gid("BulkOperation", b.id))
		}
	}
	if len(running) >= limit {
		return object{"bulkOperation": nil, "userErrors": []object{{"field": nil, "code": "OPERATION_IN_PROGRESS",
			"message": "A bulk query operation for this app and shop is already in progress: " + strings.Join(running, ", ") + "."}}}, nil
	}
	p := c.platform
	b := &bulkOperation{
		id: c.install.store.Shop.id(), install: c.install, version: c.version, text: text, checker: k, status: "CREATED", created: p.line.Time(),
		token: hexID(p.streams.ids),
	}
	p.bulk = append(p.bulk, b)
	out := c.graphBulk(b)
	if p.o.Unlimited {
		go p.execute(b) // at once, whoever keeps the time
	} else {
		p.line.At(p.line.Time().Add(bulkBegins), func(context.Context) { p.execute(b) })
	}
	return object{"bulkOperation": out, "userErrors": []object{}}, nil
}

func (c *call) cancelBulk(args map[string]any) (any, *gqlError) {
	id, ok := number(args["id"].(string), "BulkOperation")
	if !ok {
		return nil, invalidID(args["id"].(string))
	}
	refuse := func(b any, field any, text string) (any, *gqlError) {
		return object{"bulkOperation": b, "userErrors": []object{{"field": field, "message": text}}}, nil
	}
	i := slices.IndexFunc(c.platform.bulk, func(b *bulkOperation) bool { return b.id == id && b.install == c.install })
	if i < 0 {
		return refuse(nil, []string{"id"}, "Bulk operation does not exist")
	}
	b := c.platform.bulk[i]
	if !b.under() {
		return refuse(c.graphBulk(b), nil, "A bulk operation cannot be canceled when it is "+strings.ToLower(b.status))
	}
	b.status = "CANCELING"
	c.platform.line.At(c.platform.line.Time().Add(bulkBegins), c.platform.line.Locked(func() { c.platform.end(b, "CANCELED") }))
	return object{"bulkOperation": c.graphBulk(b), "userErrors": []object{}}, nil
}

// execute writes the file of an operation, some orders at a time so that it keeps nobody waiting, and plans its end.
func (p *Platform) execute(b *bulkOperation) {
	p.line.Lock()
	defer p.line.Unlock()
	if b.status != "CREATED" {
		return
	}
	b.status = "RUNNING"
	w := bulkWriter{call: &call{platform: p, install: b.install, version: b.version, checker: b.checker, hidden: b.install.app.hides()}}
	if p.faults.Hit(p.streams.answers, BulkFail) {
		b.errorCode = "INTERNAL_SERVER_ERROR"
		p.end(b, "FAILED")
		return
	}
	scattered := p.faults.Hit(p.streams.answers, BulkScatter)
	for orders := range slices.Chunk(w.found(), bulkSlice) {
		w.write(orders)
		b.rows, b.roots = len(w.lines), w.roots
		if len(w.call.errors) > 0 {
			break
		}
		p.line.Unlock()
		p.line.Lock()
		if b.status != "RUNNING" { // it was cancelled
			return
		}
	}
	if len(w.call.errors) > 0 { // (U: that it fails because of what it may not show)
		b.errorCode = "ACCESS_DENIED"
		p.end(b, "FAILED")
		return
	}
	if scattered {
		w.scatter(p.streams.answers)
	}
	b.file = bytes.Join(w.lines, nil)
	if p.o.Unlimited {
		p.end(b, "COMPLETED")
	} else {
		p.line.At(p.line.Time().Add(time.Duration(b.rows)*bulkPerRow), p.line.Locked(func() { p.end(b, "COMPLETED") }))
	}
}

// end ends an operation that has not ended and tells of it, however it ended. The caller holds the lock.
func (p *Platform) end(b *bulkOperation, status string) {
	if !b.under() || b.status == "CANCELING" && status != "CANCELED" {
		return
	}
	b.status = status
	if status == "COMPLETED" {
		b.completed = p.line.Time()
		p.line.At(b.completed.Add(bulkLife), p.line.Locked(func() { b.file = nil }))
	} else {
		b.file = nil
	}
	var code any
	if text, failed := b.errorCode.(string); failed {
		code = strings.ToLower(text)
	}
	p.tell(b.install, p.event(), message{topic: "bulk_operations/finish", body: object{
		"admin_graphql_api_id": gid("BulkOperation", b.id), "completed_at": nullable(b.completed), "created_at": stamp(b.created),
		"error_code": code, "status": strings.ToLower(status), "type": "query",
	}})
}

// output serves a file by its signed address, in ranges too. A wrong or ended signature is 403 (U).
func (p *Platform) output(w http.ResponseWriter, r *http.Request) {
	token := strings.TrimPrefix(r.URL.Path, outputs)
	p.line.Lock()
	i := slices.IndexFunc(p.bulk, func(b *bulkOperation) bool { return b.token == token && b.status == "COMPLETED" })
	var file []byte
	if ok := i >= 0 && r.URL.Query().Get("Signature") == token[:16] && p.line.Time().Before(p.bulk[i].completed.Add(bulkLife)); ok {
		file = p.bulk[i].file
	}
	p.line.Unlock()
	if file == nil {
		http.Error(w, "SignatureDoesNotMatch", http.StatusForbidden)
		return
	}
	w.Header().Set("Content-Type", "application/jsonl")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file))
}
