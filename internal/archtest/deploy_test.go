package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"hub/internal/config"
)

// compose is what of a compose file can be checked without an engine.
type compose struct {
	Services map[string]service   `yaml:"services"`
	Secrets  map[string]any       `yaml:"secrets"`
	Volumes  map[string]yaml.Node `yaml:"volumes"`
}

type service struct {
	Image       string            `yaml:"image"`
	Build       string            `yaml:"build"`
	Profiles    []string          `yaml:"profiles"`
	Environment map[string]string `yaml:"environment"`
	Secrets     []string          `yaml:"secrets"`
	Volumes     []string          `yaml:"volumes"`
	Command     []string          `yaml:"command"`
	Ports       []string          `yaml:"ports"`
	Healthcheck map[string]any    `yaml:"healthcheck"`
	DependsOn   map[string]struct {
		Condition string `yaml:"condition"`
	} `yaml:"depends_on"`
}

func readRoot(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func readCompose(t *testing.T) (c compose) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(readRoot(t, "docker-compose.yml")), &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Services) < 6 {
		t.Fatalf("%d services", len(c.Services))
	}
	return c
}

// known are the names that the hub reads from its environment.
func known() map[string]bool {
	names := map[string]bool{"HUB_CONFIG": true}
	for _, s := range (config.Config{}).Describe() {
		names[s.Name], names[s.Name+"_FILE"] = true, true
	}
	return names
}

// TestDeploymentNamesSettings: a name that the hub does not know would be a warning at the first start, and the wrong size
// of hub.
func TestDeploymentNamesSettings(t *testing.T) {
	names, found := known(), 0
	name := regexp.MustCompile(`\bHUB_[A-Z_]+`)
	for _, file := range []string{"docker-compose.yml", "Dockerfile"} {
		for _, used := range name.FindAllString(readRoot(t, file), -1) {
			found++
			if !names[used] {
				t.Errorf("%s: %s is no setting", file, used)
			}
		}
	}
	if found < 6 {
		t.Errorf("%d names found", found)
	}
}

// TestComposeHoldsTogether: what a service refers to is there.
func TestComposeHoldsTogether(t *testing.T) {
	c := readCompose(t)
	for name, s := range c.Services {
		if (s.Image == "") == (s.Build == "") && s.Image != "hub" {
			t.Errorf("%s: neither built nor pulled", name)
		}
		if len(s.Profiles) == 0 {
			t.Errorf("%s: in no profile, so in every size", name)
		}
		for _, secret := range s.Secrets {
			if _, ok := c.Secrets[secret]; !ok {
				t.Errorf("%s: no secret %s", name, secret)
			}
		}
		for _, v := range s.Volumes {
			source, _, _ := strings.Cut(v, ":")
			if path, ok := strings.CutPrefix(source, "./"); ok {
				readRoot(t, path)
			} else if _, ok := c.Volumes[source]; !ok {
				t.Errorf("%s: no volume %s", name, source)
			}
		}
		for key, value := range s.Environment {
			if file, ok := strings.CutPrefix(value, "/run/secrets/"); ok && !slices.Contains(s.Secrets, file) {
				t.Errorf("%s: %s reads secret %s and has not got it", name, key, file)
			}
			if strings.HasSuffix(key, "PASSWORD") && value != "1" || strings.Contains(value, "@tcp(") {
				t.Errorf("%s: %s is a secret in clear", name, key)
			}
		}
		for other, d := range s.DependsOn {
			target, ok := c.Services[other]
			switch {
			case !ok:
				t.Errorf("%s: depends on %s", name, other)
			case d.Condition == "service_healthy" && target.Healthcheck["test"] == nil:
				t.Errorf("%s: waits for the health of %s, which has no check", name, other)
			case !slices.Equal(s.Profiles, target.Profiles):
				t.Errorf("%s: depends on %s of another profile", name, other)
			}
		}
		for _, port := range s.Ports {
			if !strings.HasPrefix(port, "127.0.0.1:") {
				t.Errorf("%s: %s is open to the world", name, port)
			}
		}
	}
}

// TestVolumesAreNotShared: two hubs on one data folder refuse to start, two databases on one folder destroy it.
func TestVolumesAreNotShared(t *testing.T) {
	owner := map[string]string{}
	for name, s := range readCompose(t).Services {
		for _, v := range s.Volumes {
			source, _, _ := strings.Cut(v, ":")
			if source == "keys" || strings.HasPrefix(source, ".") {
				continue
			}
			if other, taken := owner[source]; taken {
				t.Errorf("%s and %s share volume %s", name, other, source)
			}
			owner[source] = name
		}
	}
}

// TestDeployedVersions: what is deployed is what was tested.
func TestDeployedVersions(t *testing.T) {
	mod := readRoot(t, "go.mod")
	version := func(pattern string) string {
		m := regexp.MustCompile(pattern).FindStringSubmatch(mod)
		if m == nil {
			t.Fatalf("go.mod has no %s", pattern)
		}
		return m[1]
	}
	if want := "nats:" + version(`nats-server/v2 v(\S+)`) + "-alpine"; readCompose(t).Services["nats"].Image != want {
		t.Errorf("the broker is %s, tested is %s", readCompose(t).Services["nats"].Image, want)
	}
	if want := "golang:" + version(`(?m)^go (\S+)`) + "-alpine"; !strings.Contains(readRoot(t, "Dockerfile"), "FROM "+want+" AS build\n") {
		t.Errorf("the image is not built with %s", want)
	}
}

// TestImageRunsWithoutRights: two stages, a user without rights, and nothing of the source in the last one.
func TestImageRunsWithoutRights(t *testing.T) {
	file := readRoot(t, "Dockerfile")
	stages := strings.Split(file, "\nFROM ")
	if len(stages) != 3 {
		t.Fatalf("%d stages", len(stages)-1)
	}
	last := stages[2]
	if user := regexp.MustCompile(`(?m)^USER (\d+):`).FindStringSubmatch(last); user == nil || user[1] == "0" {
		t.Error("the hub runs as root")
	}
	if strings.Contains(last, "COPY .") || !strings.Contains(last, "HEALTHCHECK") {
		t.Error("the last stage holds sources, or says nothing of its health")
	}
}

// TestBrokerSyncs: without it the broker forgets two minutes at a power cut.
func TestBrokerSyncs(t *testing.T) {
	if !regexp.MustCompile(`(?m)^\s*sync_interval: always$`).MatchString(readRoot(t, "deploy/nats.conf")) {
		t.Error("deploy/nats.conf does not sync")
	}
}
