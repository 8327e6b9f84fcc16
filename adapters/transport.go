package adapters

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"hub/adapters/driver"
)

// errAddress is returned instead of connecting to an address that is not the public internet's.
var errAddress = errors.New("the address is not a public one")

// Transport makes the way out for an app: TLS 1.2 or later, no proxy, no redirects (a RoundTripper follows none), and
// public addresses on port 443 only, looked at after names are resolved and so for each connection anew. The sandbox of
// an app whose environment is sandbox and whose Base is on loopback is reached too, at that very address.
func Transport(app driver.App) *http.Transport {
	own := sandboxAt(app)
	dialer := &net.Dialer{
		Timeout: 5 * time.Second,
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil || !own.is(to) && (to.Port() != 443 || !public(to.Addr())) {
				return errAddress
			}
			return nil
		},
	}
	return &http.Transport{
		DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true,
		DisableCompression:  true, // unpacked with a bound instead
		MaxIdleConnsPerHost: 32, IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: 5 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// sandbox is where an app's sandbox listens; the zero value is nowhere.
type sandbox struct {
	host string // as Base writes it, with the port
	port uint16
	at   netip.Addr
}

// sandboxAt reads the address of a sandbox on loopback from an app that says to be one. A name is none, not even localhost: what
// it leads to is for others to say.
func sandboxAt(app driver.App) sandbox {
	u, err := url.Parse(app.Base)
	if app.Environment != "sandbox" || app.Base == "" || err != nil {
		return sandbox{}
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || port == 0 {
		return sandbox{}
	}
	at, err := netip.ParseAddr(u.Hostname())
	if err != nil || !at.IsLoopback() {
		return sandbox{}
	}
	return sandbox{u.Host, uint16(port), at}
}

func (s sandbox) is(to netip.AddrPort) bool {
	at := to.Addr().Unmap()
	return s.port != 0 && s.port == to.Port() && at.IsLoopback() && s.at.Unmap() == at
}

// mayCall looks at an address before anything is resolved: https, or the app's own sandbox.
func mayCall(app driver.App, u *url.URL) bool {
	if u == nil || u.User != nil || u.Host == "" {
		return false
	}
	if own := sandboxAt(app); own.port != 0 && u.Host == own.host {
		return u.Scheme == "http" || u.Scheme == "https"
	}
	return u.Scheme == "https"
}

// reserved are the ranges that are not the public internet beside those that netip knows by name (IANA special-purpose
// registries), with two addresses at which clouds serve their machines.
var reserved = prefixTable(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "240.0.0.0/4", "168.63.129.16/32",
	"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10",
)

func prefixTable(texts ...string) (list []netip.Prefix) {
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

// public reports whether an address belongs to the public internet.
func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsValid() || !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() {
		return false
	}
	for _, p := range reserved {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
