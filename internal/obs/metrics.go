package obs

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"hub"
)

// Metrics counts what happens in one hub. Its methods are safe for concurrent use and cost well below a microsecond.
type Metrics struct {
	registry   *prometheus.Registry
	requests   *prometheus.HistogramVec
	deliveries *prometheus.HistogramVec
	dropped    *prometheus.CounterVec
	appends    *prometheus.HistogramVec
	commits    *prometheus.HistogramVec
	told       *prometheus.CounterVec
	lacking    prometheus.Counter
	damaged    prometheus.Counter
	jobs       *prometheus.HistogramVec
	calls      *prometheus.HistogramVec
	waits      *prometheus.HistogramVec
	breakers   *prometheus.CounterVec
}

// Bounds of the histograms, in seconds. The door's are around what the platforms allow: 0.5, 3 and 5 seconds.
var (
	doorBounds   = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 3, 5}
	diskBounds   = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1}
	answerBounds = []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 5, 30}
	jobBounds    = []float64{.01, .05, .1, .25, .5, 1, 5, 30, 120, 600}
)

// New returns the metrics of a hub. state is asked at each scrape and must answer from memory or within a second.
func New(version string, state func(context.Context) State) *Metrics {
	histogram := func(name, help string, bounds []float64, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "hub_" + name, Help: help, Buckets: bounds}, labels)
	}
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: histogram("http_request_seconds", "Requests to the API and the doors, by the pattern of their route.", answerBounds,
			"method", "route", "status"),
		deliveries: histogram("delivery_accept_seconds", "Webhooks at the door, by platform and outcome: accepted, or the kind of the refusal.", doorBounds,
			"platform", "outcome"),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hub_deliveries_dropped_total", Help: "Accepted webhooks that nobody keeps, as their shop has disconnected.",
		}, []string{"platform"}),
		appends: histogram("log_append_seconds", "Appends to the write-ahead log, the wait for its fsync included.", diskBounds, "outcome"),
		commits: histogram("shard_transaction_seconds", "Transactions on the shards, repeats included.", answerBounds, "shard", "outcome"),
		told:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hub_relay_changes_total", Help: "Changes that the broker has confirmed."}, []string{"shard"}),
		lacking: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hub_orders_lacking_total", Help: "Readings of orders without parts that the platform may tell later; each has a fetch coming.",
		}),
		damaged: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hub_personal_damaged_total", Help: "Parts of orders that answers with personal fields went without, as they or their keys are damaged.",
		}),
		jobs: histogram("jobs_run_seconds", "Attempts at jobs by what came of them: done, later, put_off, released, given_up, or lost to another hub.", jobBounds,
			"kind", "outcome"),
		calls: histogram("call_seconds", "Calls to platforms, each try by itself, by outcome: ok, or the kind of the error.", answerBounds,
			"platform", "class", "outcome"),
		waits: histogram("call_wait_seconds", "How long calls to platforms waited for their turn and for the budget.", jobBounds, "platform", "class"),
		breakers: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hub_call_breaker_changes_total", Help: "Changes of breakers, by the state that they came to."},
			[]string{"platform", "class", "state"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "hub_build_info", Help: "Always 1.", ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.deliveries, m.dropped, m.appends, m.commits, m.told, m.lacking, m.damaged, m.jobs, m.calls, m.waits, m.breakers, build, scraped{state},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler serves the metrics in the Prometheus text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// Request counts an answered request. route is a pattern of the router, never a path.
func (m *Metrics) Request(method, route string, status int, took time.Duration) {
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Observe(took.Seconds())
}

// Delivery counts a webhook by what became of it at the door. platform must be one that the hub knows.
func (m *Metrics) Delivery(platform hub.Platform, err error, took time.Duration) {
	m.deliveries.WithLabelValues(string(platform), outcome(err, "accepted")).Observe(took.Seconds())
}

// Dropped counts a webhook that was accepted and is kept by nobody. platform must be one that the hub knows.
func (m *Metrics) Dropped(platform hub.Platform) {
	m.dropped.WithLabelValues(string(platform)).Inc()
}

// Append counts an append to the log.
func (m *Metrics) Append(err error, took time.Duration) {
	m.appends.WithLabelValues(outcome(err, "durable")).Observe(took.Seconds())
}

// Transaction counts a transaction on a shard.
func (m *Metrics) Transaction(shard hub.ShardID, err error, took time.Duration) {
	m.commits.WithLabelValues(string(shard), outcome(err, "committed")).Observe(took.Seconds())
}

// Told counts changes that the broker has.
func (m *Metrics) Told(shard hub.ShardID, changes int) {
	m.told.WithLabelValues(string(shard)).Add(float64(changes))
}

// Lacking counts orders that were read without parts and are fetched again.
func (m *Metrics) Lacking(orders int) { m.lacking.Add(float64(orders)) }

// Damaged counts parts with personal fields that an answer went without.
func (m *Metrics) Damaged(parts int) { m.damaged.Add(float64(parts)) }

// Job counts an attempt at a job. kind and outcome are of closed lists.
func (m *Metrics) Job(kind, outcome string, took time.Duration) {
	m.jobs.WithLabelValues(kind, outcome).Observe(took.Seconds())
}

// Call counts one try of a call to a platform. class and outcome are of closed lists.
func (m *Metrics) Call(platform hub.Platform, class, outcome string, waited, took time.Duration) {
	m.calls.WithLabelValues(string(platform), class, outcome).Observe(took.Seconds())
	m.waits.WithLabelValues(string(platform), class).Observe(waited.Seconds())
}

// Breaker counts a breaker that came to a state: closed, half-open or open.
func (m *Metrics) Breaker(platform hub.Platform, class, state string) {
	m.breakers.WithLabelValues(string(platform), class, state).Inc()
}

// outcome names an error by its kind: a closed list.
func outcome(err error, good string) string {
	if err == nil {
		return good
	}
	return hub.KindOf(err).String()
}
