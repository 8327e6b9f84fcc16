package mercadolibre

import "time"

const restTime = "2006-01-02T15:04:05.000Z07:00"

// me is who the token is of.
func (p *Platform) me(c call) reply {
	s := c.seller()
	return ok(object{
		"id": s.id, "nickname": s.nickname, "registration_date": s.since.In(s.site.location()).Format(restTime), "country_id": s.site.country,
		"site_id": s.site.id, "user_type": "normal", "tags": []string{"normal", "mshops"}, "points": 0, "permalink": nil,
		"status": object{
			"site_status": "active", "sell": object{"allow": true, "codes": []any{}}, "list": object{"allow": true, "codes": []any{}},
			"buy": object{"allow": true, "codes": []any{}}, "user_type": nil, "confirmed_email": true,
		},
	})
}

func (s *site) location() *time.Location { return time.FixedZone("", s.offset) }

// ownGrant finds the grant that a path names. A token shows the grants of its own user to its own app (U: of other apps).
func (p *Platform) ownGrant(c call) (*grant, *reply) {
	if c.PathValue("user") != c.seller().account() || c.PathValue("app") != c.grant.app.spec.ClientID {
		a := forbidden().reply()
		return nil, &a
	}
	return c.grant, nil
}

// showGrant prints what the user granted (U: that the answer is one object).
func (p *Platform) showGrant(c call) reply {
	g, refused := p.ownGrant(c)
	if refused != nil {
		return *refused
	}
	return ok(g.resource())
}

func (g *grant) resource() object {
	return object{
		"user_id": g.seller.account(), "app_id": g.app.spec.ClientID, "date_created": g.at.Format(restTime), "scopes": g.scopes,
	}
}

// revokeGrant ends the grant, with the token that asks for it.
func (p *Platform) revokeGrant(c call) reply {
	g, refused := p.ownGrant(c)
	if refused != nil {
		return *refused
	}
	p.endGrant(g)
	return ok(object{"user_id": g.seller.account(), "app_id": g.app.spec.ClientID, "msg": "Autorización eliminada"})
}

// showApp prints the app as its owner sees it.
func (p *Platform) showApp(c call) reply {
	a := c.grant.app
	if c.PathValue("app") != a.spec.ClientID {
		return forbidden().reply()
	}
	on := []string{}
	for _, t := range a.spec.Topics {
		if !a.topics[t].off {
			on = append(on, t)
		}
	}
	return ok(object{
		"id": number(a.spec.ClientID), "name": a.spec.Name, "active": true, "max_requests_per_hour": a.spec.RequestsPerHour,
		"notifications_callback_url": a.spec.NotifyURL, "notifications_topics": on, "scopes": a.spec.Scopes, "certification_status": "not_certified",
	})
}

// showGrants lists the users of an app.
func (p *Platform) showGrants(c call) reply {
	a := c.grant.app
	if c.PathValue("app") != a.spec.ClientID {
		return forbidden().reply()
	}
	list := []object{}
	for _, s := range p.sellers {
		if g := s.grant(a); g != nil {
			list = append(list, g.resource())
		}
	}
	return ok(object{"paging": object{"total": len(list), "limit": 50, "offset": 0}, "grants": list})
}

// currencies prints how the platform shows amounts, which is not ISO 4217.
func (p *Platform) currencies(call) reply {
	list, seen := []object{}, map[string]bool{}
	for _, s := range sites {
		if seen[s.currency] {
			continue
		}
		seen[s.currency] = true
		places := s.digits
		if s.whole {
			places = 0
		}
		list = append(list, object{"id": s.currency, "decimal_places": places})
	}
	return ok(list)
}
