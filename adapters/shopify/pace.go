package shopify

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

// What the platform says about the speed of calls: points and seconds with a fraction, which are no money.

// pace reads the cost of an answer, and after a refusal how long it takes until the bucket holds what was asked for: a
// second where that is not told.
func pace(cost strictjson.Value) (u driver.Usage, untilServed time.Duration) {
	status := cost.Get("throttleStatus")
	u = driver.Usage{
		Cost: int(number(cost.Get("actualQueryCost"))), Available: number(status.Get("currentlyAvailable")),
		Size: number(status.Get("maximumAvailable")), PerSecond: number(status.Get("restoreRate")),
	}
	untilServed = time.Second
	if requested := number(cost.Get("requestedQueryCost")); u.PerSecond > 0 && requested > u.Available {
		untilServed = time.Duration(math.Ceil((requested-u.Available)/u.PerSecond*1000)) * time.Millisecond
	}
	return u, untilServed
}

// retryAfter reads seconds, which Shopify writes with a point: "2.0".
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.ParseFloat(h.Get("Retry-After"), 64)
	if err != nil || !(seconds > 0) || seconds > 86400 {
		return 0
	}
	return time.Duration(seconds * float64(time.Second))
}

// number reads a figure that only paces calls; what is none is 0.
func number(v strictjson.Value) float64 {
	f, err := strconv.ParseFloat(v.Text(), 64)
	if v.Kind() != strictjson.Number || err != nil || f < 0 || f > 1e9 {
		return 0
	}
	return f
}

// seconds reads a life; 0 where there is none.
func seconds(v strictjson.Value) time.Duration { return time.Duration(number(v)) * time.Second }
