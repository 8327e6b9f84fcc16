package forget

import (
	"context"
	"strings"

	"hub"
	"hub/gdpr"
)

// KillCredential kills the key of the credentials of one life of a connection that is over, if there is one. It may be
// repeated after any error, and when it is not, Reconcile brings to the shard what is in the vault. What is sealed under the
// key is unreadable to every hub within five seconds, and to whoever has copies of the vault after the next forget cycle.
func (f *Forgetter) KillCredential(ctx context.Context, tenant hub.TenantID, owner gdpr.CredentialOwner) (err error) {
	defer hub.Wrap(&err, "killing the key of credentials", string(owner.Connection))
	id, err := f.Keys.Credential(ctx, tenant, owner)
	if err != nil || id == "" {
		return err
	}
	e := Entry{ID: f.IDs.New(EntryPrefix), What: Killed, Tenant: tenant, Subject: gdpr.SubjectID(id), Reason: ReasonEnded, At: f.now()}
	entries, err := f.Ledger.Kill(ctx, []Entry{e}, nil)
	if err != nil {
		return err
	}
	return f.apply(ctx, f.Shards.Of(tenant), entries, nil)
}

// credential reports whether the entry is about the key of a connection's credentials.
func credential(e Entry) bool { return strings.HasPrefix(string(e.Subject), gdpr.CredentialPrefix) }
