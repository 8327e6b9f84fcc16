package obs

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hub"
)

// State is how a hub stands at one moment.
type State struct {
	Ready    bool      // it accepts
	Problems []string  // the parts that do not work as they should, as /readyz names them
	Log      LogState  // of the write-ahead log
	Shards   []Shard   // in any order
	Parked   []Parking // open parked deliveries; nil when they could not be counted
	Jobs     []Jobs    // work for later on all shards; nil when it could not be counted
	Calls    []Calls   // to platforms, of this hub
}

// LogState is how the write-ahead log stands.
type LogState struct {
	Bytes  int64  // on disk
	Synced uint64 // index of the newest durable record
}

// Shard is how the work on one shard stands in this hub.
type Shard struct {
	ID             hub.ShardID
	BacklogRecords uint64 // accepted by this hub and not drained
	BacklogBytes   int64
	Retrying       int           // deliveries set aside after an error
	Waiting        bool          // the drain stands still because shard or vault cannot serve
	Drained        time.Duration // between the door and the commit, of the delivery drained last
	Leads          bool          // this hub tells the shard's changes to the broker; the rest is known to the leader only
	Behind         int64         // changes that the broker does not have
	Oldest         time.Duration // age of the oldest of these
	Held           int           // lines that the broker refuses
}

// Parking counts open parked deliveries.
type Parking struct {
	Code  hub.Code
	Count int64
}

// Jobs counts jobs of one kind.
type Jobs struct {
	Kind  string
	State string // waiting, running or failed
	Count int64
}

// Calls is how the calls of one class to all shops of a platform stand.
type Calls struct {
	Platform hub.Platform
	Class    string
	Open     int     // shops whose breaker is not closed
	Least    float64 // the smallest part of a budget that is left, 0 to 1
}

// scraped turns a State into metrics when somebody asks.
type scraped struct {
	state func(context.Context) State
}

// scrapeTimeout bounds one look at the state.
const scrapeTimeout = 2 * time.Second

// Describe sends nothing: the shards and codes of the moment decide what there is.
func (scraped) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (s scraped) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	st := s.state(ctx)
	show := func(name, help string, value float64, labels ...string) {
		names := make([]string, 0, len(labels)/2)
		values := make([]string, 0, len(labels)/2)
		for i := 0; i < len(labels); i += 2 {
			names, values = append(names, labels[i]), append(values, labels[i+1])
		}
		out <- prometheus.MustNewConstMetric(prometheus.NewDesc("hub_"+name, help, names, nil), prometheus.GaugeValue, value, values...)
	}
	show("ready", "1 while deliveries are accepted.", number(st.Ready))
	for _, part := range st.Problems {
		show("problem", "1 for each part that /readyz names.", 1, "part", part)
	}
	show("log_bytes", "Size of the write-ahead log on disk.", float64(st.Log.Bytes))
	show("log_synced_index", "Index of the newest durable record.", float64(st.Log.Synced))
	for _, h := range st.Shards {
		h.show(show)
	}
	for _, p := range st.Parked {
		show("parked_deliveries", "Open parked deliveries on all shards.", float64(p.Count), "code", string(p.Code))
	}
	for _, c := range st.Calls {
		show("call_breakers_open", "Shops whose breaker is not closed.", float64(c.Open), "platform", string(c.Platform), "class", c.Class)
		show("call_budget_least", "The smallest part of a shop's budget that is left, 0 to 1.", c.Least, "platform", string(c.Platform), "class", c.Class)
	}
	for _, j := range st.Jobs {
		show("jobs_stored", "Jobs on all shards: waiting, running, or failed and given up.", float64(j.Count), "kind", j.Kind, "state", j.State)
	}
}

func (h Shard) show(show func(name, help string, value float64, labels ...string)) {
	at := func(name, help string, value float64) { show(name, help, value, "shard", string(h.ID)) }
	at("drain_backlog_records", "Deliveries accepted by this hub and not drained.", float64(h.BacklogRecords))
	at("drain_backlog_bytes", "Bytes of the log that the shard has not drained.", float64(h.BacklogBytes))
	at("drain_retrying", "Deliveries set aside after an error that may pass.", float64(h.Retrying))
	at("drain_waiting", "1 while the whole drain stands still.", number(h.Waiting))
	at("drain_lag_seconds", "Time from the door to the commit, of the delivery drained last.", h.Drained.Seconds())
	at("relay_leads", "1 on the hub that tells the shard's changes to the broker.", number(h.Leads))
	if !h.Leads {
		return
	}
	at("relay_behind_changes", "Committed changes that the broker does not have.", float64(h.Behind))
	at("relay_oldest_seconds", "Age of the oldest change that the broker does not have.", h.Oldest.Seconds())
	at("relay_held_lines", "Tenants' streams that the broker refuses.", float64(h.Held))
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
