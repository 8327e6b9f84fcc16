package connect

import (
	"context"
	"time"

	"hub"
)

// tellWithin bounds what a platform is told at the end.
const tellWithin = 10 * time.Second

// Disconnect ends a connection for somebody here: the platform is told as far as it listens, then the tokens are destroyed.
// Orders stay, and late webhooks are still taken. told says whether the platform took it. A connection without tokens is
// KindConflict with code not_authorised.
func (s *Service) Disconnect(ctx context.Context, id hub.ConnectionID) (told bool, err error) {
	const op = "disconnecting a shop"
	shop, ok := s.Directory.Shop(id)
	if !ok {
		return false, &hub.Error{Kind: hub.KindNotFound, Code: "connection_not_found", Op: op}
	}
	stored, err := s.Tokens.Get(ctx, id)
	if hub.KindOf(err) == hub.KindNotFound && err != nil {
		return false, &hub.Error{Kind: hub.KindConflict, Code: CodeNoTokens, Op: op, Subject: string(id)}
	}
	if err != nil {
		return false, err
	}
	if stored.Standing == Disconnected {
		return false, nil
	}
	told = s.tell(ctx, shop, stored)
	_, err = s.Grants.End(ctx, id, shop.Tenant, CodeByUser, time.Time{})
	s.Source.Drop(id)
	return told, err
}

// tell asks the platform to take its grant back.
func (s *Service) tell(ctx context.Context, shop Shop, stored Stored) bool {
	app, ok := s.Directory.App(shop.App)
	platform := s.Platforms[shop.Platform]
	if !ok || platform == nil || len(stored.Sealed) == 0 {
		return false
	}
	pair, err := sealer{s.Vault}.open(ctx, shop.Tenant, shop.ID, stored.Sealed)
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, tellWithin)
	defer cancel()
	err = platform.Disconnect(ctx, s.Calls.Shop(shop), app.App, pair.token())
	if err != nil {
		s.Logger.Warn("telling a platform that a shop is disconnected", "connection", shop.ID, "kind", hub.KindOf(err).String())
	}
	return err == nil
}

// Ended takes note that a connection is over at the platform: uninstalled, deauthorised, its token dead for good. at is when
// the platform says that it happened: news from before the owner last authorised changes nothing. Webhooks are still taken.
func (s *Service) Ended(ctx context.Context, id hub.ConnectionID, why hub.Code, at time.Time) error {
	shop, ok := s.Directory.Shop(id)
	if !ok {
		return &hub.Error{Kind: hub.KindNotFound, Code: "connection_not_found", Op: "ending a connection"}
	}
	changed, err := s.Grants.End(ctx, id, shop.Tenant, why, at)
	if err != nil {
		return err
	}
	s.Source.Drop(id)
	if changed {
		s.Logger.Warn("a shop has ended its connection", "connection", id, "platform", shop.Platform, "code", why)
	}
	return nil
}

// Ending takes note of when the permission of a shop's owner ends, as a platform says ahead of it.
func (s *Service) Ending(ctx context.Context, id hub.ConnectionID, until time.Time) error {
	stored, err := s.Tokens.Get(ctx, id)
	if err != nil {
		return err
	}
	return s.Grants.Note(ctx, id, stored.Generation, Note{GrantUntil: until})
}
