package connect

import (
	"context"
	"errors"
	"time"

	"hub"
)

// tellWithin bounds what a platform is told at the end.
const tellWithin = 10 * time.Second

// Disconnect ends a connection for somebody here: the platform is told as far as it listens, then the tokens and their key are
// destroyed and the shop is free for whoever connects it. Orders stay; webhooks are refused from now on. told says whether the
// platform took it, which is never so for a connection that only receives webhooks.
func (s *Service) Disconnect(ctx context.Context, id hub.ConnectionID) (told bool, err error) {
	const op = "disconnecting a shop"
	shop, ok := s.Directory.Shop(id)
	if !ok {
		return false, &hub.Error{Kind: hub.KindNotFound, Code: "connection_not_found", Op: op}
	}
	stored, err := s.Tokens.Get(ctx, id)
	if err != nil && hub.KindOf(err) != hub.KindNotFound {
		return false, err
	}
	if stored.Standing == Disconnected {
		return false, nil
	}
	told = s.tell(ctx, shop, stored)
	_, err = s.Grants.End(ctx, id, shop.Tenant, CodeByUser, 0)
	s.over(ctx, shop)
	return told, err
}

// over forgets what is in memory of a connection that has ended, and kills its key.
func (s *Service) over(ctx context.Context, shop Shop) {
	s.Source.Drop(shop.ID)
	s.Lines.Forget(shop)
	if err := s.Refresh(ctx); err != nil { // it follows by itself within a second
		s.Logger.Warn("refreshing the directory after the end of a connection", "error", err)
	}
	if err := s.bury(ctx); err != nil { // Run repeats it
		s.Logger.Warn("killing the key of a connection that has ended", "error", err)
	}
}

// bury kills the keys of lives that are over. It goes by what the database says and not by what was just ended, so whatever a
// hub that died left is done by the next look of any hub. One that fails keeps no other waiting.
func (s *Service) bury(ctx context.Context) error {
	list, err := s.Graves.Ended(ctx, lookMost)
	errs := []error{err}
	for _, e := range list {
		err := s.Killer.KillCredential(ctx, e.Tenant, owner(e.Connection, e.Life))
		if err == nil {
			err = s.Graves.Killed(ctx, e)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
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

// Heard is the handler of JobHeard: the platform says that something about the owner's permission has changed. That is a hint
// and no proof: a signature may not cover what was said, and it may be old. So the platform is asked. A connection whose tokens
// it does not take any more has ended, and its shop is free as after Disconnect; otherwise it is a check like others. One whose
// owner is to authorise again stays as it is: there is nothing left to ask the platform with.
func (s *Service) Heard(ctx context.Context, id hub.ConnectionID) error {
	shop, ok := s.Directory.Shop(id)
	if !ok {
		return unheardOf(id)
	}
	for range settleTries {
		stored, err := s.Tokens.Get(ctx, id)
		if hub.KindOf(err) == hub.KindNotFound && err != nil { // it only receives webhooks, and has nothing to lose
			return nil
		}
		if err != nil || !stored.lives() {
			return err
		}
		s.Source.Drop(id) // an older token than this one would be asked about
		if _, err = s.inspect(ctx, stored); !isReconnect(err) {
			return err
		}
		now, err := s.Tokens.Get(ctx, id)
		if err != nil || now.Generation == stored.Generation && !now.denied() {
			return err
		}
		ended, err := s.ended(ctx, shop, stored.Generation)
		if err != nil || ended {
			return err
		}
		// Tokens came meanwhile: what the platform said may be about the ones before.
	}
	return &hub.Error{Kind: hub.KindUnavailable, Code: CodeBusy, Op: "hearing of the end of connection", Subject: string(id)}
}

// denied reports whether it was the platform that did not take the tokens. One whose refresh was lost, or that cannot be
// opened, was given up without an answer to whether the owner's permission stands.
func (s Stored) denied() bool {
	return s.lives() || s.Standing == ReconnectNeeded && (s.Code == CodeRefused || s.Code == CodeExpired || s.Code == CodeGrantEnded)
}

// ended ends a connection that is over at the platform, unless it has other tokens than those that were seen.
func (s *Service) ended(ctx context.Context, shop Shop, seen int64) (bool, error) {
	why := CodeDeauthorised
	if shop.Platform == hub.Shopify {
		why = CodeUninstalled
	}
	changed, err := s.Grants.End(ctx, shop.ID, shop.Tenant, why, seen)
	if err != nil || !changed {
		return false, err
	}
	s.over(ctx, shop)
	s.Logger.Warn("a shop has ended its connection", "connection", shop.ID, "platform", shop.Platform, "code", why)
	return true, nil
}

// unheardOf is the error for a connection that this hub has not heard of yet: connections are never deleted.
func unheardOf(id hub.ConnectionID) error {
	return &hub.Error{Kind: hub.KindUnavailable, Code: "connection_not_found", Op: "looking at connection", Subject: string(id)}
}
