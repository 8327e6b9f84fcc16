package shopee

import (
	"math/rand/v2"
	"slices"
	"strconv"

	"hub"
)

// maxID is what partner ids, shop ids and timestamps do not exceed, by the texts of the common errors.
const maxID = 4_294_967_295

// ShopSpec describes a shop.
type ShopSpec struct {
	ID     int64  // 0: the next one
	Name   string // what people call it
	Region string // SG when empty
	// Company says that a Brazilian seller has a CNPJ, and so sees buyers while an order is to be sent; one with a CPF sees
	// the address alone.
	Company bool
}

// store is one shop on the platform.
type store struct {
	spec     ShopSpec
	id       int64
	market   market
	status   string // NORMAL, BANNED, FROZEN
	random   *rand.Rand
	orders   []*order
	bySN     map[string]*order
	returns  map[string]*refundCase
	changes  history // by update_time
	creation history // by create_time
}

// main is a main account: the owner of several shops, and of a merchant.
type main struct {
	id       int64
	name     string
	shops    []*store
	merchant int64
}

// AddShop opens a shop and returns its id. A region that is not known, or an id that is taken, is KindInvalid.
func (p *Platform) AddShop(spec ShopSpec) (shop string, err error) {
	p.line.Lock()
	defer p.line.Unlock()
	if spec.Region == "" {
		spec.Region = "SG"
	}
	if spec.ID == 0 {
		spec.ID = 220_000_000 + int64(len(p.listed))*7_001 + 11
	}
	place, known := markets[spec.Region]
	if !known || spec.ID < 0 || spec.ID > maxID || p.shops[spec.ID] != nil {
		return "", hub.Errorf(hub.KindInvalid, "opening a shop", "its region is not known or its id is taken")
	}
	s := &store{
		spec: spec, id: spec.ID, market: place, status: "NORMAL", bySN: map[string]*order{}, returns: map[string]*refundCase{},
		random: rand.New(rand.NewPCG(p.o.Seed, 1_000+uint64(len(p.listed)))),
	}
	p.shops[s.id] = s
	p.listed = append(p.listed, s)
	return strconv.FormatInt(s.id, 10), nil
}

// AddMain makes a main account over shops, with one merchant, and returns its id.
func (p *Platform) AddMain(name string, shops ...string) (account string, err error) {
	p.line.Lock()
	defer p.line.Unlock()
	m := &main{id: 68_000 + int64(len(p.mains)) + 1, name: name, merchant: 1_000_000 + int64(len(p.mains)) + 1}
	for _, shop := range shops {
		s := p.shop(shop)
		if s == nil {
			return "", notFound("making a main account", "shop")
		}
		m.shops = append(m.shops, s)
	}
	p.mains = append(p.mains, m)
	return strconv.FormatInt(m.id, 10), nil
}

// SetShopStatus changes the state of a shop: NORMAL, BANNED or FROZEN. A banned shop's calls are refused.
func (p *Platform) SetShopStatus(shop, status string) error {
	p.line.Lock()
	defer p.line.Unlock()
	s := p.shop(shop)
	if s == nil {
		return notFound("changing a shop", "shop")
	}
	if !slices.Contains([]string{"NORMAL", "BANNED", "FROZEN"}, status) {
		return hub.Errorf(hub.KindInvalid, "changing a shop", "the status is none")
	}
	s.status = status
	return nil
}

// shop finds a shop by the text of its id.
func (p *Platform) shop(text string) *store {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return nil
	}
	return p.shops[id]
}

func (p *Platform) mainAccount(id int64) *main {
	i := slices.IndexFunc(p.mains, func(m *main) bool { return m.id == id })
	if i < 0 {
		return nil
	}
	return p.mains[i]
}
