package shopee

import "hub"

// settlement reads what the seller gets. Costs are positive as the platform prints them; final_shipping_fee keeps its
// sign: in the documentation's own example a positive one is paid to the seller. escrow_amount moves until the order is
// completed.
func (d *decoder) settlement(o *hub.Order) {
	income := d.escrow.Get("order_income")
	if !income.Given() {
		return
	}
	one := func(name string) *hub.Money { return stated(d.signed(income, name)) }
	many := func(names ...string) *hub.Money { return stated(d.total(income, d.signed, names...)) }
	o.Settlement = &hub.Settlement{
		Commission:     one("commission_fee"),
		ServiceFee:     one("service_fee"),
		PaymentFee:     one("seller_transaction_fee"),
		SellerShipping: one("final_shipping_fee"),
		Subsidies:      many("shopee_shipping_rebate", "shipping_fee_discount_from_3pl", "seller_shipping_discount", "sip_subsidy"),
		WithheldTax: many("escrow_tax", "withholding_tax", "withholding_vat_tax", "withholding_pit_tax", "withholding_cit_tax",
			"final_escrow_product_gst", "final_escrow_shipping_gst", "sales_tax_on_lvg", "vat_on_imported_goods",
			"th_import_duty", "shipping_fee_sst", "reverse_shipping_fee_sst"),
		Other: many("campaign_fee", "order_ams_commission_fee", "seller_order_processing_fee", "fbs_fee",
			"ads_escrow_top_up_fee_or_technical_support_fee", "shipping_seller_protection_fee_amount",
			"delivery_seller_protection_fee_premium_amount", "overseas_return_service_fee", "trade_in_bonus_by_seller",
			"seller_coin_cash_back", "reverse_shipping_fee", "final_return_to_seller_shipping_fee"),
		Net:   one("escrow_amount"),
		Final: o.Status == hub.StatusCompleted,
	}
}
