package connect

import (
	"context"
	"encoding/json"
	"time"

	"hub"
)

// Status is how a connection stands, for people.
type Status struct {
	Standing     Standing // "" for a connection that only receives webhooks
	Code         hub.Code // why
	AccessUntil  time.Time
	RefreshAt    time.Time // when the next pair is asked for
	RefreshUntil time.Time
	GrantUntil   time.Time // when the owner must have authorised again; zero: not told, or never
	ConnectedAt  time.Time
	RefreshedAt  time.Time
	Failures     int
	Report       *Report // of the last check; nil when there was none
	Calls        []CallState
}

// CallState is how the calls of one class to a shop stand.
type CallState struct {
	Class       string
	Breaker     string  // closed, half-open, open
	Left, Size  float64 // of the budget; zero when not known yet
	PerSecond   float64
	LastError   string   // its kind, "" for none
	LastCode    hub.Code // of the last error
	LastErrorAt time.Time
	LastSuccess time.Time
}

// Told is what may be said of the code of a standing to people who can do something about it.
func Told(code hub.Code) string { return hints[code] }

var hints = map[hub.Code]string{
	CodeRefused:      "The platform ended the permission: connect the shop again.",
	CodeLost:         "The answer that held the next tokens was lost on the way: connect the shop again.",
	CodeExpired:      "The permission has ended and cannot be renewed: connect the shop again.",
	CodeGrantEnded:   "The time for which the owner had given permission is over: connect the shop again.",
	CodeUnsealed:     "The tokens cannot be opened any more: connect the shop again.",
	CodeUnknown:      "A refresh had no clear answer; it is tried again.",
	CodeUnreachable:  "The platform could not be reached; it is tried again.",
	CodeUninstalled:  "The app was removed from the shop: connect the shop again to go on.",
	CodeDeauthorised: "The owner has taken the permission back: connect the shop again to go on.",
	CodeByUser:       "Disconnected here; the orders stay. The shop can be connected again, here or by somebody else.",
	CodeNoTokens:     "This connection only receives webhooks: connect the shop through its platform's page to fetch orders, too.",
	CodeBehind:       "This hub has just heard of another app for the shop; it is tried again.",
	CodeAppUnusable:  "The app's secrets are missing or cannot be opened: the operator looks at the app.",
}

// Status returns how a connection stands.
func (s *Service) Status(ctx context.Context, id hub.ConnectionID) (Status, error) {
	stored, err := s.Tokens.Get(ctx, id)
	if hub.KindOf(err) == hub.KindNotFound && err != nil {
		if shop, _ := s.Directory.Shop(id); shop.Released {
			return Status{Standing: Disconnected, Code: CodeByUser}, nil
		}
		return Status{Code: CodeNoTokens, Calls: s.calls(id)}, nil
	}
	if err != nil {
		return Status{}, err
	}
	status := Status{
		stored.Standing, stored.Code, stored.AccessUntil, stored.DueAt, stored.RefreshUntil, stored.GrantUntil, stored.ConnectedAt,
		stored.RefreshedAt, stored.Attempts, nil, s.calls(id),
	}
	var r Report
	if json.Unmarshal(stored.Report, &r) == nil {
		status.Report = &r
	}
	return status, nil
}

func (s *Service) calls(id hub.ConnectionID) []CallState {
	shop, ok := s.Directory.Shop(id)
	if !ok {
		return nil
	}
	return s.Lines.States(shop)
}
