package natsserver

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The tests of the product mean nothing on a server that is laxer than production, or of another version.
func TestSettingsAreThoseOfProduction(t *testing.T) {
	s := Start(t)
	var v server.Varz
	if err := s.Get(t.Context(), "/varz", &v); err != nil {
		t.Fatal(err)
	}
	c := v.JetStream.Config
	if v.Version != server.VERSION || v.Host != "127.0.0.1" || c == nil || !c.SyncAlways || c.StoreDir == "" {
		t.Errorf("version %s on %s with %+v", v.Version, v.Host, c)
	}
}

func TestStreamsSurviveKill(t *testing.T) {
	s := Start(t)
	nc, err := nats.Connect(s.URL(), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "X", Subjects: []string{"x"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "x", []byte("1")); err != nil {
		t.Fatal(err)
	}
	s.Kill()
	if s.Running() || s.Get(t.Context(), "/healthz", nil) == nil {
		t.Fatal("the server answers after Kill")
	}
	s.Restart(t)
	s.Pause(t)
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if s.Get(short, "/healthz", nil) == nil {
		t.Error("the server answers while it is paused")
	}
	s.Resume(t)
	again, err := nats.Connect(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if js, err = jetstream.New(again); err != nil {
		t.Fatal(err)
	}
	x, err := js.Stream(t.Context(), "X")
	if err != nil || x.CachedInfo().State.Msgs != 1 {
		t.Errorf("after Kill and Restart: %v, %v", x, err)
	}
}

// A test binary that is killed half way leaves no server behind.
func TestServerDiesWithItsProcess(t *testing.T) {
	requireInstalled(t)
	const childMark = "HUB_TEST_NATS_CHILD"
	if os.Getenv(childMark) == "1" {
		s := Start(t)
		fmt.Printf("\nserver %d %s\n", s.port, s.dir)
		select {} // until we are killed
	}
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), childMark+"=1")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var port int
	var dir string
	for lines := bufio.NewScanner(out); port == 0 && lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "server ") {
			fmt.Sscanf(lines.Text(), "server %d %s", &port, &dir)
		}
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	if port == 0 {
		t.Fatal("the child started no server")
	}
	defer os.RemoveAll(dir) // the killed child could not
	deadline, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return
		}
		conn.Close()
		select {
		case <-deadline.Done():
			t.Fatalf("the server on port %d outlived the process that started it", port)
		case <-tick.C:
		}
	}
}

func TestClusterForms(t *testing.T) {
	for _, s := range Cluster(t) {
		var v server.Varz
		if err := s.Get(t.Context(), "/varz", &v); err != nil || v.Cluster.Name != "hub-test" || !v.JetStream.Config.SyncAlways {
			t.Errorf("%+v, %v", v.Cluster, err)
		}
	}
}
