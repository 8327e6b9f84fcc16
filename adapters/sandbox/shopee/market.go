package shopee

import "math/rand/v2"

// market is what is particular about a region.
type market struct {
	currency string
	digits   int   // that the platform prints
	iso      int   // of the currency in ISO 4217; IDR, TWD and COP have two there and none in practice (U)
	num, den int64 // smallest printed units for a hundredth of a dollar
	address  address
	method   string // how a buyer pays
	cod      bool   // whether some pay at the door
	flag     string
	channel  int64
	carrier  string
}

// address is a recipient. Nobody lives there.
type address struct{ name, phone, town, district, city, state, zip, full string }

// markets are the regions (developer guide 31; the decimals are those of recorded answers, where there are any).
var markets = map[string]market{
	"SG": {"SGD", 2, 2, 1, 1, address{"Mei Sample", "6581230010", "", "", "", "", "820116", "Block 116, Example Plains, #05-334, SG, 820116"},
		"Credit/Debit Card", false, "fulfilled_by_local_seller", 18025, "Standard Express"},
	"MY": {"MYR", 2, 2, 4, 1, address{"Aina Contoh", "60123450011", "", "Petaling", "Petaling Jaya", "Selangor", "46000", "12 Jalan Contoh, 46000 Petaling Jaya, Selangor"},
		"ShopeePay", true, "fulfilled_by_local_seller", 20011, "Standard Delivery"},
	"TH": {"THB", 2, 2, 35, 1, address{"สมหญิง ตัวอย่าง", "66812340012", "", "บางรัก", "กรุงเทพ", "กรุงเทพมหานคร", "10500", "1 ถนนตัวอย่าง บางรัก กรุงเทพ 10500"},
		"ShopeePay", true, "fulfilled_by_local_seller", 70021, "SPX Express"},
	"ID": {"IDR", 0, 2, 150, 1, address{"Budi Contoh", "6281230013", "", "Menteng", "Jakarta Pusat", "DKI Jakarta", "10310", "Jl. Contoh No. 7, Menteng, Jakarta Pusat 10310"},
		"ShopeePay", true, "fulfilled_by_local_seller", 8003, "SPX Standard"},
	"VN": {"VND", 0, 0, 250, 1, address{"Nguyễn Thị Mẫu", "84912340064", "", "Xã Mẫu", "Huyện Mẫu", "Bạc Liêu", "", "Ấp Mẫu 2, Xã Mẫu, Huyện Mẫu, Bạc Liêu"},
		"ShopeePay", true, "fulfilled_by_local_seller", 50021, "Nhanh"},
	"PH": {"PHP", 2, 2, 55, 1, address{"Maria Halimbawa", "639171230015", "", "Poblacion", "Makati", "Metro Manila", "1210", "5 Halimbawa St, Poblacion, Makati 1210"},
		"ShopeePay", true, "fulfilled_by_local_seller", 40021, "SPX Express"},
	"TW": {"TWD", 0, 2, 3, 10, address{"王小例", "886912340016", "", "信義區", "臺北市", "", "110", "臺北市信義區範例路1號"},
		"Credit/Debit Card", true, "fulfilled_by_local_seller", 30005, "蝦皮店到店"},
	"BR": {"BRL", 2, 2, 5, 1, address{"João Exemplo", "5511912340017", "", "Bela Vista", "São Paulo", "São Paulo", "01310-000", "Avenida Exemplo, 1000, apto 12, Bela Vista, São Paulo"},
		"Pix", false, "fulfilled_by_local_seller", 90003, "Shopee Xpress"},
	"MX": {"MXN", 2, 2, 18, 1, address{"Lucía Ejemplo", "525512340018", "", "Juárez", "Cuauhtémoc", "CDMX", "06600", "Calle Ejemplo 9, Juárez, 06600 CDMX"},
		"Credit/Debit Card", false, "fulfilled_by_cb_seller", 100001, "Estándar"},
	"CO": {"COP", 0, 2, 40, 1, address{"Camilo Ejemplo", "573001230019", "", "Chapinero", "Bogotá", "Cundinamarca", "110231", "Carrera 7 Ejemplo 10, Bogotá"},
		"Credit/Debit Card", false, "fulfilled_by_cb_seller", 110001, "Estándar"},
	"CL": {"CLP", 0, 0, 9, 1, address{"Paula Ejemplo", "56912340020", "", "Providencia", "Santiago", "RM", "7500000", "Av. Ejemplo 33, Providencia, Santiago"},
		"Credit/Debit Card", false, "fulfilled_by_cb_seller", 120001, "Estándar"},
}

// goods is what shops sell. Prices are in hundredths of a dollar; an item without a model has model id 0.
var goods = [...]struct {
	sku, title, model, modelSKU string
	price                       int64
}{
	{"LAN-01", "Paper lantern, 30 cm", "Red", "LAN-01-RED", 1290},
	{"LAN-01", "Paper lantern, 30 cm", "Blue", "LAN-01-BLU", 1290},
	{"TEA-GRN", "Green tea \"first flush\" 100 g", "", "", 899},
	{"BOW-CER", "Ceramic bowl – café", "Large", "", 1735},
	{"KNF-PAR", "Paring knife", "", "", 2450},
	{"TWL-LIN", "Linen towel 50/70", "Natural", "TWL-LIN-N", 1115},
	{"BAG-JUT", "Jute bag", "", "", 645},
	{"CUP-GLS", "Glass cup, set of 4", "Clear", "CUP-GLS-4", 1999},
}

// units turns hundredths of a dollar into what the region prints.
func (m market) units(hundredths int64) int64 { return max(1, hundredths*m.num/m.den) }

// alphabet is what order numbers are made of.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTUVWXY"

// letters draws the part of an order number behind its date.
func letters(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}
