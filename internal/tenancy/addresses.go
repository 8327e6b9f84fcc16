package tenancy

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"hub"
)

// HookPath is where the deliveries of an endpoint arrive. Its token is a secret.
func HookPath(p hub.Platform, endpoint string) string { return "/hooks/" + string(p) + "/" + endpoint }

// RedirectPath is where browsers come back from a platform.
func RedirectPath(p hub.Platform) string { return "/connect/" + string(p) + "/callback" }

// address is what was given, or else the hub's own. It is fixed when the app is made: platforms compare it byte for byte.
func (s *Service) address(given, path string) string {
	if given != "" || s.PublicURL == nil || s.PublicURL() == "" {
		return given
	}
	return s.PublicURL() + path
}

const (
	maxClientID = 128
	maxAddress  = 512
	maxScopes   = 64
)

var (
	clientID = regexp.MustCompile(`^[!-~]+$`)
	scope    = regexp.MustCompile(`^[A-Za-z0-9_.:/-]{1,64}$`)
)

// check refuses what no platform has, and addresses that would lead the hub or a browser astray.
func (n NewApp) check() error {
	if len(n.ClientID) > maxClientID || n.ClientID != "" && !clientID.MatchString(n.ClientID) {
		return hub.Invalid("client_id_invalid", "client_id")
	}
	if len(n.Scopes) > maxScopes {
		return hub.Invalid("too_many_scopes", "scopes")
	}
	for _, s := range n.Scopes {
		if !scope.MatchString(s) {
			return hub.Invalid("app_scope_invalid", "scopes")
		}
	}
	for field, address := range map[string]string{"redirect": n.Redirect, "hook_url": n.HookURL} {
		if address != "" && !public(address) {
			return hub.Invalid("address_invalid", field)
		}
	}
	return n.checkBase()
}

// checkBase lets calls go elsewhere than to the platform only for a sandbox, and to this machine only for an operator: the
// calls carry the app's secrets.
func (n NewApp) checkBase() error {
	if n.Base == "" {
		return nil
	}
	if n.Environment != "sandbox" {
		return hub.Invalid("base_of_live", "base")
	}
	u, ok := parseAddress(n.Base)
	if !ok || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return hub.Invalid("address_invalid", "base")
	}
	switch {
	case loopback(u.Hostname()):
		if !n.Loopback {
			return hub.Invalid("address_invalid", "base")
		}
	case u.Scheme != "https" || internal(u.Hostname()):
		return hub.Invalid("address_invalid", "base")
	}
	return nil
}

// public reports whether a platform or a browser could be sent to an address: https, or plain on this machine.
func public(address string) bool {
	u, ok := parseAddress(address)
	return ok && (u.Scheme == "https" || loopback(u.Hostname()))
}

func parseAddress(address string) (*url.URL, bool) {
	u, err := url.Parse(address)
	ok := err == nil && len(address) <= maxAddress && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" &&
		u.User == nil && u.Fragment == "" && u.Opaque == "" && clientID.MatchString(address)
	return u, ok
}

// loopback is this machine, by an address: a name could lead elsewhere.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// internal reports whether a host is the literal address of a machine that is not on the internet, or the name that every machine
// has for itself (RFC 6761, 6.3). What another name leads to is looked at when it is called.
func internal(host string) bool {
	name := strings.TrimSuffix(strings.ToLower(host), ".")
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && (!ip.IsGlobalUnicast() || ip.IsPrivate())
}
