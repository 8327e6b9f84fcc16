package adapters

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"

	"hub"
	"hub/adapters/driver"
)

// How much more an unpacked answer may be than the packed one, beyond what is small anyway. JSON packs 10 to 30 times.
const (
	maxRatio = 200
	small    = 1 << 20
)

var errTooLarge = errors.New("the answer is larger than its bound")

// exchange sends a request and reads its answer, whole and bounded. Redirects are answers like others: http.Client
// follows them, a RoundTripper does not.
func exchange(way http.RoundTripper, request *http.Request, limit int64) (driver.Answer, reached, error) {
	response, err := way.RoundTrip(request)
	if err != nil {
		if neverSent(err) {
			return driver.Answer{}, unsent, err
		}
		return driver.Answer{}, sent, err
	}
	defer response.Body.Close()
	body, err := bounded(response, limit)
	if err != nil {
		return driver.Answer{}, sent, err
	}
	return driver.Answer{Status: response.StatusCode, Header: response.Header, Body: body}, answered, nil
}

// neverSent reports whether an error proves that nothing of a request was written.
func neverSent(err error) bool {
	var op *net.OpError
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	return errors.As(err, &op) && op.Op == "dial" || errors.As(err, &name) || errors.As(err, &certificate) ||
		errors.As(err, &record) || errors.Is(err, errAddress)
}

// bounded reads a body up to a limit, unpacking what was asked for packed.
func bounded(response *http.Response, limit int64) ([]byte, error) {
	if response.ContentLength > limit {
		return nil, errTooLarge
	}
	packed := &counter{from: response.Body}
	var from io.Reader = packed
	switch encoding := strings.ToLower(response.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
	case "gzip":
		unpacked, err := gzip.NewReader(packed)
		if err != nil {
			return nil, errUnreadable
		}
		from = unpacked
	default:
		return nil, errUnreadable
	}
	var body []byte
	if response.ContentLength > 0 && from == io.Reader(packed) {
		body = make([]byte, 0, response.ContentLength+1)
	}
	for {
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
		n, err := from.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if size := int64(len(body)); size > limit || size > small && size > packed.read*maxRatio {
			return nil, errTooLarge
		}
		if err == io.EOF {
			return body, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

var errUnreadable = errors.New("the answer is packed in a way that was not asked for")

// counter counts what comes over the line.
type counter struct {
	from io.Reader
	read int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.read += int64(n)
	return n, err
}

// failure names why no answer came, in words that hold nothing of the request: errors of the network hold addresses.
func failure(ctx context.Context, err error) error {
	e := &hub.Error{Kind: hub.KindUnavailable, Op: "sending", Code: CodeConnection}
	var timeout net.Error
	switch {
	case ctx.Err() != nil:
		e.Code = CodeCancelled
	case errors.Is(err, errAddress):
		e.Kind, e.Code = hub.KindForbidden, CodeAddress
	case errors.Is(err, errTooLarge):
		e.Kind, e.Code = hub.KindTooLarge, CodeTooLarge
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		e.Code = CodeTimeout
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, errUnreadable), errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader):
		e.Code = driver.CodeUnreadable
	}
	return e
}
