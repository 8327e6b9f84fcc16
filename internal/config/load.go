package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"

	"hub"
)

// Input is what settings are read from.
type Input struct {
	Flags   map[string]string // by name as in hub.yaml ("log_level"); "config" names the file
	Environ []string          // as of os.Environ
}

// defaultFile is read when it exists and no other is named.
const defaultFile = "hub.yaml"

// separator keeps koanf from splitting our flat names; no key can hold it.
const separator = "\x00"

// layer is one source with its values by setting name.
type layer struct {
	source Source
	values map[string]string
}

// Load reads and checks all settings. Warnings are for the operator's eyes. The error joins everything that is wrong,
// one line each, all of hub.KindInvalid.
func Load(in Input) (c Config, warnings []string, err error) {
	environment, warnings, err := readEnvironment(in.Environ)
	if err != nil {
		return Config{}, warnings, err
	}
	flags, err := readFlags(in.Flags)
	if err != nil {
		return Config{}, warnings, err
	}
	name := in.Flags["config"]
	if name == "" {
		name = environment.values["config"]
	}
	fromFile, err := readFile(name)
	if err != nil {
		return Config{}, warnings, err
	}
	c = Config{origin: map[string]origin{}}
	if err := c.parse(c.merge(defaults(), fromFile, environment, flags)); err != nil {
		return Config{}, warnings, err
	}
	return c, warnings, nil
}

// merge returns each setting's text from the last layer that holds it, and notes where that was.
func (c *Config) merge(layers ...layer) map[string]string {
	texts := map[string]string{}
	for _, l := range layers {
		for _, s := range settings() {
			if text, ok := l.values[s.name]; ok {
				texts[s.name] = text
				c.origin[s.name] = origin{l.source, s.display(text)}
			}
		}
	}
	return texts
}

// parse fills the typed fields, then checks them against each other.
func (c *Config) parse(texts map[string]string) error {
	var wrong []error
	for _, s := range settings() {
		if err := s.parse(c, texts[s.name]); err != nil {
			wrong = append(wrong, c.wrong(s.name, "%w", err))
		}
	}
	if len(wrong) == 0 {
		return c.Validate()
	}
	return errors.Join(wrong...)
}

func defaults() layer {
	l := layer{SourceDefault, map[string]string{}}
	for _, s := range settings() {
		l.values[s.name] = s.fallback
	}
	return l
}

// readFile reads the named file, or hub.yaml if it is there and none is named.
func readFile(name string) (layer, error) {
	optional := name == ""
	if optional {
		name = defaultFile
	}
	k := koanf.New(separator)
	err := k.Load(file.Provider(name), yaml.Parser())
	if optional && errors.Is(err, fs.ErrNotExist) {
		return layer{source: SourceFile}, nil
	}
	if err != nil {
		return layer{}, fileError(name, err)
	}
	return newLayer(SourceFile, k.Raw())
}

// fileError says what is wrong with the file and quotes nothing of it, as YAML's own errors do.
func fileError(name string, err error) error {
	e := hub.Errorf(hub.KindInvalid, "reading settings", "not a list of NAME: VALUE in YAML")
	e.Subject = name
	var path *fs.PathError
	if errors.As(err, &path) {
		e.Err = path.Err
	} else if line := regexp.MustCompile(`line \d+`).FindString(err.Error()); line != "" {
		e.Err = fmt.Errorf("%w, see %s", e.Err, line)
	}
	return e
}

// readEnvironment takes HUB_ variables, and the one of OpenTelemetry; those that it does not know become warnings. An empty one
// counts as not set.
func readEnvironment(environ []string) (layer, []string, error) {
	k := koanf.New(separator)
	err := k.Load(env.Provider(separator, env.Opt{
		EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, v string) (string, any) {
			ours := strings.HasPrefix(name, "HUB_")
			key := strings.ToLower(strings.TrimPrefix(name, "HUB_"))
			switch {
			case v == "", !ours && name != envName(traces) && name != envName(traces)+"_FILE":
				return "", nil
			case envName(key) == name:
				return key, v
			}
			return name, v // not in capitals, so none of ours
		},
	}), nil)
	if err != nil {
		return layer{}, nil, err // the provider has no error of its own
	}
	known, warnings := k.Raw(), []string{}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if !isSetting(name) && name != "config" {
			warnings = append(warnings, "HUB_"+strings.TrimPrefix(strings.ToUpper(name), "HUB_")+" in the environment is no setting of the hub")
			delete(known, name)
		}
	}
	l, err := newLayer(SourceEnvironment, known)
	return l, warnings, err
}

func readFlags(flags map[string]string) (layer, error) {
	values := map[string]any{}
	for name, v := range flags {
		if name != "config" {
			values[name] = v
		}
	}
	return newLayer(SourceFlag, values)
}

// newLayer turns the values of one source into text, following …_file to the file that it names.
func newLayer(source Source, raw map[string]any) (layer, error) {
	l := layer{source, map[string]string{}}
	var wrong []error
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		name, viaFile := key, false
		if base, ok := strings.CutSuffix(key, "_file"); ok {
			name, viaFile = base, true
		}
		c := Config{origin: map[string]origin{key: {source: source}}}
		text, ok := scalar(raw[key])
		switch {
		case !isSetting(key) && (source != SourceEnvironment || key != "config"):
			wrong = append(wrong, unknownKey(source, key))
			continue
		case !ok:
			wrong = append(wrong, c.wrong(key, "must be text, a whole number or true or false"))
			continue
		case text == "":
			continue
		case viaFile && given(raw, name):
			wrong = append(wrong, c.wrong(key, "and %s are both set; keep one", envName(name)))
			continue
		case viaFile:
			content, err := readSecretFile(text)
			if err != nil {
				wrong = append(wrong, c.wrong(key, "%w", err))
				continue
			}
			text = content
		}
		l.values[name] = text
	}
	return l, errors.Join(wrong...)
}

// unknownKey is the error of a key that is none. What does not look like a name may be a value that went astray.
func unknownKey(source Source, key string) error {
	e := hub.Errorf(hub.KindInvalid, "setting", "is no setting of the hub")
	e.Subject = "(from " + string(source) + ")"
	if regexp.MustCompile(`^[A-Za-z_]{1,30}$`).MatchString(key) {
		e.Subject = key + " " + e.Subject
	}
	return e
}

// isSetting says whether key names a setting, directly or by its file.
func isSetting(key string) bool {
	name := strings.TrimSuffix(key, "_file")
	return slices.ContainsFunc(settings(), func(s setting) bool { return s.name == name })
}

// given says whether the source holds something for the name.
func given(raw map[string]any, name string) bool {
	text, ok := scalar(raw[name])
	return !ok || text != ""
}

// scalar is the text of a YAML value; nothing is "". Fractions and lists are no settings.
func scalar(v any) (text string, ok bool) {
	switch v := v.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	case int, int64, uint64, bool:
		return fmt.Sprint(v), true
	}
	return "", false
}

// readSecretFile returns the content without the newline that editors and orchestrators leave at its end.
func readSecretFile(name string) (string, error) {
	content, err := os.ReadFile(name)
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err // without the name: the usual slip is to give the secret itself here
		}
		return "", fmt.Errorf("the file it names cannot be read: %w", err)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	if text == "" {
		return "", errors.New("the file it names is empty")
	}
	return text, nil
}
