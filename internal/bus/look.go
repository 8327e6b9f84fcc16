package bus

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hub"
)

// Report is what a look at an external broker found.
type Report struct {
	Version  string // of the server
	Current  bool   // the server is one that can publish in atomic batches and keeps what it confirms: at least 2.12.3
	Replicas int    // of the stream of orders; 0 when it is not made yet
	Messages uint64 // in it
	Bytes    uint64 // of them
}

// oldest is the first release of the server on which the hub's promises hold.
var oldest = []int{2, 12, 3}

// Look connects to the external broker of the URL, which is a secret, once, looks and changes nothing. A broker that
// cannot be reached, or has no JetStream, is KindUnavailable.
func Look(ctx context.Context, url string) (r Report, err error) {
	const op = "looking at broker"
	servers, err := serverList(url)
	if err != nil {
		return r, err
	}
	nc, err := nats.Connect(servers, nats.Name("hub doctor"), nats.Timeout(dialTimeout), nats.FlusherTimeout(dialTimeout))
	if err != nil {
		return r, unavailable(op, "", clean(err))
	}
	defer nc.Close()
	r.Version = nc.ConnectedServerVersion()
	r.Current = slices.Compare(release(r.Version), oldest) >= 0
	js, err := jetstream.New(nc)
	if err != nil {
		return r, unavailable(op, "", err)
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	s, err := js.Stream(ctx, StreamOrders)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return r, nil
	case err != nil:
		return r, unavailable(op, StreamOrders, err)
	}
	i := s.CachedInfo()
	r.Replicas, r.Messages, r.Bytes = max(i.Config.Replicas, 1), i.State.Msgs, i.State.Bytes
	return r, nil
}

// release reads the numbers of a version; what follows them, as in 2.13.0-RC.1, is not looked at.
func release(version string) (numbers []int) {
	version, _, _ = strings.Cut(version, "-")
	for part := range strings.SplitSeq(version, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil
		}
		numbers = append(numbers, n)
	}
	return numbers
}

// Kept is what an embedded broker has on disk.
type Kept struct {
	Bytes int64
	Aside string // folder of a store that did not open and was put aside; "" when there is none
}

// LookAtFolder measures the folder of an embedded broker without opening it, so it may run beside it. A folder that is not
// there keeps nothing.
func LookAtFolder(dir string) (k Kept, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // not there, or deleted just now
			return nil
		case err != nil:
			return err
		case d.IsDir() && filepath.Dir(path) == dir && strings.HasPrefix(d.Name(), damagedName):
			k.Aside = path
		case d.Type().IsRegular():
			if info, err := d.Info(); err == nil {
				k.Bytes += info.Size()
			}
		}
		return nil
	})
	if err != nil {
		return k, &hub.Error{Kind: hub.KindUnavailable, Code: CodeBroker, Op: "looking at broker's folder", Err: err}
	}
	return k, nil
}
