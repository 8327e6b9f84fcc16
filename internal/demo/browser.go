package demo

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// browser is what the owner of a shop sits at: it keeps cookies, follows redirects and sends forms.
type browser struct{ client http.Client }

// newBrowser is one that nobody has used yet.
func newBrowser() (*browser, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, fmt.Errorf("opening a browser: %w", err)
	}
	return &browser{http.Client{Jar: jar, Timeout: 30 * time.Second, Transport: &http.Transport{}}}, nil
}

// close ends its connections.
func (b *browser) close() { b.client.CloseIdleConnections() }

// sheet is a page that the browser shows.
type sheet struct {
	at     *url.URL
	status int
	text   string
}

// maxSheet is how much of a page the browser reads.
const maxSheet = 1 << 20

// open goes to an address.
func (b *browser) open(ctx context.Context, address string) (sheet, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return sheet{}, fmt.Errorf("opening a page: %w", err)
	}
	return b.show(request)
}

// submit sends the first form of a page with what stands in its hidden fields and what somebody has chosen.
func (b *browser) submit(ctx context.Context, from sheet, chosen url.Values) (sheet, error) {
	form, values, ok := from.form()
	if !ok {
		return sheet{}, fmt.Errorf("sending a form: the page at %s has none (%d)", from.at.Host+from.at.Path, from.status)
	}
	for name, list := range chosen {
		values[name] = list
	}
	to, err := from.at.Parse(form["action"])
	if err != nil {
		return sheet{}, fmt.Errorf("sending a form: %w", err)
	}
	if form["action"] == "" {
		to = from.at
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), strings.NewReader(values.Encode()))
	if err != nil {
		return sheet{}, fmt.Errorf("sending a form: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", from.at.Scheme+"://"+from.at.Host)
	return b.show(request)
}

// show sends a request and reads the page that it leads to. The addresses on the way hold secrets, so no error names them.
func (b *browser) show(request *http.Request) (sheet, error) {
	answer, err := b.client.Do(request)
	if err != nil {
		return sheet{}, fmt.Errorf("opening a page of %s: %w", request.URL.Host, bare(err))
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxSheet))
	if err != nil {
		return sheet{}, fmt.Errorf("reading a page of %s: %w", request.URL.Host, err)
	}
	return sheet{answer.Request.URL, answer.StatusCode, string(text)}, nil
}

// bare is an error of an HTTP client without the address in it.
func bare(err error) error {
	if u, ok := err.(*url.Error); ok { //nolint:errorlint // as net/http makes it
		return u.Err
	}
	return err
}

var (
	formTag   = regexp.MustCompile(`(?is)<form\b([^>]*)>(.*?)</form>`)
	inputTag  = regexp.MustCompile(`(?is)<input\b([^>]*)>`)
	attribute = regexp.MustCompile(`(?is)([a-z-]+)\s*=\s*"([^"]*)"`)
)

// attributes are those of a tag that have a value.
func attributes(tag string) map[string]string {
	m := map[string]string{}
	for _, found := range attribute.FindAllStringSubmatch(tag, -1) {
		m[strings.ToLower(found[1])] = html.UnescapeString(found[2])
	}
	return m
}

// form is the first form of the page, with its hidden fields.
func (s sheet) form() (tag map[string]string, values url.Values, ok bool) {
	found := formTag.FindStringSubmatch(s.text)
	if found == nil {
		return nil, nil, false
	}
	values = url.Values{}
	for _, input := range inputTag.FindAllStringSubmatch(found[2], -1) {
		if a := attributes(input[1]); strings.EqualFold(a["type"], "hidden") && a["name"] != "" {
			values.Add(a["name"], a["value"])
		}
	}
	return attributes(found[1]), values, true
}
