package shopify

import (
	"fmt"
	"time"
)

// release is when the version of a quarter became stable: its first day at 17:00 UTC.
func release(year int, quarter time.Month) time.Time {
	return time.Date(year, quarter, 1, 17, 0, 0, 0, time.UTC)
}

func versionName(t time.Time) string { return fmt.Sprintf("%04d-%02d", t.Year(), t.Month()) }

// supported lists the stable versions at an instant, the oldest first: each lives twelve months.
func supported(now time.Time) (versions []string) {
	for year := now.Year() - 2; year <= now.Year(); year++ {
		for quarter := time.January; quarter <= time.October; quarter += 3 {
			if t := release(year, quarter); !t.After(now) && now.Before(t.AddDate(1, 0, 0)) {
				versions = append(versions, versionName(t))
			}
		}
	}
	return versions
}

// stable is the latest stable version.
func (p *Platform) stable() string {
	versions := supported(p.line.Time())
	return versions[len(versions)-1]
}

// version says which version a request for one gets: an expired one falls forward to the oldest supported one. The next
// release candidate and unstable are served under their names; ok is false for what is no version (U: what it answers).
func (p *Platform) version(asked string) (served string, ok bool) {
	if asked == "unstable" {
		return asked, true
	}
	t, err := time.Parse("2006-01", asked)
	if err != nil || (t.Month()-1)%3 != 0 || t.Year() < 2019 {
		return "", false
	}
	versions := supported(p.line.Time())
	oldest, latest := versions[0], versions[len(versions)-1]
	candidate, err := time.Parse("2006-01", latest)
	if err != nil || asked > versionName(candidate.AddDate(0, 3, 0)) {
		return "", false
	}
	return max(asked, oldest), true
}
