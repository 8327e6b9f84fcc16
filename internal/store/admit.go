package store

import (
	"context"
	"database/sql"
	"slices"

	"hub"
)

// admitControl takes over what the control database says: the installation, its shards, the slot map. It needs no
// transaction: the first never changes, shards are only added, and the map is read before them.
func (s *Store) admitControl(ctx context.Context, d *database) error {
	var installation string
	err := d.query(ctx, "reading the installation", "SELECT installation_id FROM installation", nil,
		func(r *sql.Rows) error { return r.Scan(&installation) })
	if err != nil {
		return err
	}
	m, shards, err := readMap(ctx, d)
	if err != nil {
		return err
	}
	if installation == "" || m.Version() == 0 {
		return refuse(CodeSchema, d.name, "it knows no installation or no slot map; run hub migrate")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.installation != "" && s.installation != installation {
		return otherInstallation(d.name)
	}
	if n := len(s.shards); n < len(shards) {
		return refuse(CodeWrongShards, "shards", "%d are registered and %d configured; configure the others too", len(shards), n)
	}
	s.installation, s.registered = installation, shards
	if m.Version() >= s.slots.Load().Version() {
		s.slots.Store(&m)
	}
	return nil
}

// admitVault accepts the vault of this installation only: keys of another would open nothing.
func (s *Store) admitVault(ctx context.Context, d *database) error {
	var installation string
	err := d.query(ctx, "reading the vault's installation", "SELECT installation_id FROM vault_meta", nil,
		func(r *sql.Rows) error { return r.Scan(&installation) })
	if err != nil {
		return err
	}
	if installation == "" {
		return refuse(CodeSchema, d.name, "it belongs to no installation yet; run hub migrate")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sameInstallation(d, installation)
}

// admitShard takes over the shard's name and epoch.
func (s *Store) admitShard(ctx context.Context, d *database) error {
	var meta shardMeta
	if err := d.query(ctx, "reading the shard's name", selectMeta, nil, meta.scan); err != nil {
		return err
	}
	if meta.id == "" {
		return refuse(CodeSchema, d.name, "it is not registered yet; run hub migrate")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.sameInstallation(d, meta.installation); err != nil {
		return err
	}
	if other := s.byID[meta.id]; other != nil && other != d {
		return refuse(CodeWrongShards, d.name, "it is shard %s, and so is %s; one of the two is a copy: remove it", meta.id, other.name)
	}
	if s.registered != nil && !slices.Contains(s.registered, meta.id) {
		return refuse(CodeWrongShards, d.name, "it is shard %s, which the control database does not know", meta.id)
	}
	d.shard, d.epoch = meta.id, meta.epoch
	s.byID[meta.id] = d
	return nil
}

// sameInstallation compares, and believes the first database while the control database is down. s.mu is held.
func (s *Store) sameInstallation(d *database, installation string) error {
	if s.installation == "" {
		s.installation = installation
	}
	if s.installation != installation {
		return otherInstallation(d.name)
	}
	return nil
}

// ShardIDs returns the shards that own tenants, in the order of their numbers.
func (s *Store) ShardIDs() []hub.ShardID { return s.Map().Shards() }
