package tenancy

import (
	"crypto/sha256"
	"crypto/subtle"
	"slices"

	"hub"
)

// Identity is who makes a request.
type Identity struct {
	Key    hub.KeyID
	Tenant hub.TenantID // empty for an operator
	Role   Role
	Client string
	Scopes []string
}

// Operator reports whether the identity may act for the whole installation.
func (i Identity) Operator() bool { return i.Role == RoleOperator && i.Tenant == "" }

// May reports whether the role of the identity is one of these.
func (i Identity) May(roles ...Role) bool { return slices.Contains(roles, i.Role) }

// ReadsPersonal reports whether the identity may read personal fields of orders: its key has the scope, and its role one
// that can have it. A scope that an older version gave to another role is none.
func (i Identity) ReadsPersonal() bool {
	return i.Role.MayReadPersonal() && slices.Contains(i.Scopes, ScopePersonalRead)
}

// Actor is the identity as records of what it does name it.
func (i Identity) Actor(request string) hub.Actor {
	a := hub.Actor{Key: i.Key, Role: string(i.Role), Request: request}
	if i.Key == BootstrapKey {
		a.Key = "" // it is in no list of keys
	}
	return a
}

// BootstrapKey is the id of the key that Trust was given. It is in no database, so it cannot be revoked there.
const BootstrapKey hub.KeyID = hub.KeyPrefix + "bootstrap"

// minTrusted is the length in bytes below which a secret could be guessed.
const minTrusted = 32

// Trust makes a secret an operator's key beside those of the control database, whatever its form: what HUB_BOOTSTRAP_KEY
// holds. It is compared whole, and only its SHA-256 is kept. Call it once, before serving. The configuration refuses a
// secret of fewer than 32 characters; here it would never match.
func (d *Directory) Trust(secret string) {
	if len(secret) < minTrusted {
		return
	}
	hash := sha256.Sum256([]byte(secret))
	d.trusted = &hash
}

// trusts compares in constant time.
func (d *Directory) trusts(text string) bool {
	hash := sha256.Sum256([]byte(text))
	return d.trusted != nil && subtle.ConstantTimeCompare(hash[:], d.trusted[:]) == 1
}

// Holds reports whether the key of an identity that was authenticated before is still good.
func (d *Directory) Holds(i Identity) bool {
	k, found := d.now.Load().keys[i.Key]
	return i.Key == BootstrapKey || found && k.RevokedAt.IsZero()
}

// Authenticate finds the identity behind the text of an API key. Whatever is wrong with a key, the answer is the same and
// takes the same steps.
func (d *Directory) Authenticate(text string) (Identity, error) {
	id, secret, ok := parseKey(text)
	k, found := d.now.Load().keys[id]
	matches, trusted := k.matches(secret), d.trusts(text)
	if trusted {
		return Identity{Key: BootstrapKey, Role: RoleOperator, Client: "operator"}, nil
	}
	if !matches || !ok || !found || !k.RevokedAt.IsZero() {
		return Identity{}, &hub.Error{Kind: hub.KindUnauthentic, Code: "key_refused", Op: "authenticating"}
	}
	return Identity{Key: k.ID, Tenant: k.Tenant, Role: k.Role, Client: k.Client, Scopes: k.Scopes}, nil
}
