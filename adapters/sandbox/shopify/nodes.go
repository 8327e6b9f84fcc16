package shopify

// node answers an order, a refund or a bulk operation by its id, and null for what it does not know. An id of no known kind
// is null too (U: the real platform has more kinds).
func (c *call) node(args map[string]any) (any, *gqlError) {
	id := args["id"].(string)
	for kind, find := range map[string]func(int64) object{"Order": c.orderNode, "Refund": c.refundNode, "BulkOperation": c.bulkNode} {
		n, ok := number(id, kind)
		if !ok {
			continue
		}
		if refused := c.mayRead("node"); kind != "BulkOperation" && refused != nil {
			return nil, refused
		}
		if v := find(n); v != nil {
			return v, nil
		}
		return nil, nil
	}
	return nil, nil
}

// nodes answers several, in the order of their ids, with null where there is none.
func (c *call) nodes(args map[string]any) (any, *gqlError) {
	list := []object{}
	for _, id := range args["ids"].([]any) {
		v, failed := c.node(map[string]any{"id": id})
		if failed != nil {
			return nil, failed
		}
		o, _ := v.(object)
		list = append(list, o)
	}
	return list, nil
}

func (c *call) orderNode(id int64) object {
	o := c.install.store.order(id)
	if o == nil || !c.visible(o) {
		return nil
	}
	return o.graph()
}

func (c *call) refundNode(id int64) object {
	for _, o := range c.install.store.orders {
		if o.deleted || !c.visible(o) {
			continue
		}
		for i, r := range o.refunds {
			if r.id == id {
				return o.graphRefunds()[i]
			}
		}
	}
	return nil
}

func (c *call) bulkNode(id int64) object {
	for _, b := range c.platform.bulk {
		if b.id == id && b.install == c.install {
			return c.graphBulk(b)
		}
	}
	return nil
}

// uninstall takes the app out of the shop, at its own wish.
func (c *call) uninstall(map[string]any) (any, *gqlError) {
	c.platform.remove(c.install)
	return object{"userErrors": []object{}}, nil
}
