package mercadolibre

import "strings"

// site is one country of the platform.
type site struct {
	id, country, currency string
	digits                int  // of the currency, by ISO 4217
	whole                 bool // its GET /currencies has no decimal places, so prices have none
	offset                int  // seconds east of UTC, in which orders are printed
	zip                   string
	document              string // of a person's taxes
	places                []place
}

// place is where somebody lives. Nobody does.
type place struct{ street, number, city, state, stateID, district string }

// sites are the countries that are sold in here. COP has two digits by ISO 4217 and none on the platform; CLP has none
// either way, and its amounts are printed with two. CL, EC and PE print no postal code.
var sites = [...]*site{
	{"MLB", "BR", "BRL", 2, false, -4 * 3600, "01001000", "CPF", []place{
		{"Rua das Acácias", "12", "São Paulo", "São Paulo", "BR-SP", "Sé"}, {"Travessa do Exemplo", "305", "Bom Jardim", "Rio de Janeiro", "BR-RJ", "Centro"},
	}},
	{"MLA", "AR", "ARS", 2, false, -4 * 3600, "1000", "DNI", []place{
		{"Calle Muestra", "1450", "Buenos Aires", "Capital Federal", "AR-C", "San Nicolás"}, {"Pasaje Ejemplo", "77", "Rosario", "Santa Fe", "AR-S", "Centro"},
	}},
	{"MLM", "MX", "MXN", 2, false, -3 * 3600, "06000", "RFC", []place{
		{"Avenida Ejemplo", "8", "Ciudad de México", "Distrito Federal", "MX-DIF", "Centro"}, {"Calle Niño Muestra", "9-B", "Mérida", "Yucatán", "MX-YUC", "Itzimná"},
	}},
	{"MLC", "CL", "CLP", 0, true, -4 * 3600, "", "RUT", []place{
		{"Pasaje Muestra", "56", "Maipú", "RM (Metropolitana)", "CL-RM", "Maipú"}, {"Camino Ejemplo", "2210", "Concepción", "Biobío", "CL-BI", "Centro"},
	}},
	{"MCO", "CO", "COP", 2, true, -4 * 3600, "110111", "CC", []place{
		{"Carrera Ejemplo", "7 # 12-34", "Bogotá", "Bogotá D.C.", "CO-DC", "La Candelaria"},
	}},
	{"MPE", "PE", "PEN", 2, false, -4 * 3600, "", "DNI", []place{
		{"Jirón Muestra", "440", "Lima", "Lima Metropolitana", "PE-LMA", "Cercado"},
	}},
	{"MLU", "UY", "UYU", 2, false, -4 * 3600, "11000", "CI", []place{
		{"Calle del Ejemplo", "1020", "Montevideo", "Montevideo", "UY-MO", "Ciudad Vieja"},
	}},
	{"MEC", "EC", "USD", 2, false, -4 * 3600, "", "CI", []place{
		{"Calle Muestra", "N24-11", "Quito", "Pichincha", "EC-P", "Mariscal"},
	}},
}

// siteOf finds a country by its id; nil when it is not sold in.
func siteOf(id string) *site {
	for _, s := range sites {
		if s.id == id {
			return s
		}
	}
	return nil
}

// Sites lists the ids of the countries that a seller can be of.
func Sites() (ids []string) {
	for _, s := range sites {
		ids = append(ids, s.id)
	}
	return ids
}

// people buy and sell. None of them exists.
var people = [...]struct{ first, last string }{
	{"Ana", "Muñoz Peña"}, {"João", "Exemplo da Silva"}, {"Mira", "Vance"}, {"Tomás", "Muestra"}, {"Zoë", "O'Sample"}, {"José \"Pepe\"", "Ejemplo"},
}

// catalogue is what is sold. Prices are in hundredths.
var catalogue = [...]struct {
	sku, title, variation string
	price                 int64
}{
	{"LAMP-1", "Linterna de camping recargable", "", 4990},
	{"CAN-SOY-03", "Vela de soja 3/4 lb", "Cedro", 3952},
	{"TEE-BLK-M", "Camiseta de algodón pesado", "Negro", 6990},
	{"MUG-ENA-01", "Jarro enlozado", "Azul", 1450},
	{"BAG-TOT-02", "Bolsa ecológica – «Água»", "Natural", 3801},
	{"NTB-A5-DOT", "Cuaderno A5 \"punteado\"", "", 1199},
	{"EAU-24", "24-pack Agua De Coco Natural 520ml", "", 15990},
}

// nickname is how the platform calls a user: capitals without marks.
func nickname(first string, n int64) string {
	plain := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, first)
	return strings.ToUpper(plain) + digitsOf(n%1000)
}
