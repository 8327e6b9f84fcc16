// Package obs shows how a hub is doing: its metrics in the Prometheus text format, its traces for an OpenTelemetry collector,
// and a logger that cannot print what a person or a key is called.
//
// It promises that no metric has a label whose values a stranger chooses or whose number grows with merchants and buyers;
// that reading the metrics asks no platform and no broker; that a span holds names of closed lists, numbers and the hub's own
// identifiers, and that a collector which is away or slow holds up nothing; and that a log attribute under a name that personal or secret
// values go by is withheld whatever it holds. It does not decide what is healthy, and nothing is ever decided by a metric.
package obs
