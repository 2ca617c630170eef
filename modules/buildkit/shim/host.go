package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
)

// bundleVariables make the usual tools trust the host's certificate bundle.
var bundleVariables = []string{
	"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO",
	"CARGO_HTTP_CAINFO", "AWS_CA_BUNDLE", "DENO_CERT", "HTTPLIB2_CA_CERTS", "NIX_SSL_CERT_FILE",
}

// BuildKit gives every exec a socket for traces, announced in variables that differ from run to run. They are its own
// only if the endpoint is its own.
const traceEndpoint = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=unix:///dev/otel-grpc.sock"

var traceVariables = []string{
	"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_TRACES_EXPORTER",
	"TRACEPARENT", "TRACESTATE",
}

// environment is the command's variables, and the values in them that must not be shown.
type environment struct {
	names  map[string]bool
	list   []string
	hidden []string
}

// commandEnvironment is the container's own environment without the engines' names, completed from the host's settings
// and certificates where these are mounted and the container says nothing itself.
func commandEnvironment(spec *Spec, own []string) (*environment, error) {
	env := &environment{names: map[string]bool{}}
	traced := slices.Contains(own, traceEndpoint)
	for _, pair := range own {
		name, value, _ := strings.Cut(pair, "=")
		reserved := strings.HasPrefix(name, "_GAUNTLET_") || (traced && slices.Contains(traceVariables, name))
		if !reserved {
			env.add(name, value)
		}
	}
	settings, err := hostSettings(spec.HostSettings)
	if err != nil {
		return nil, err
	}
	for name, value := range settings {
		if !env.names[name] {
			env.add(name, value)
			env.hidden = append(env.hidden, credentials(name, value)...)
		}
	}
	if info, err := os.Stat(spec.CABundle); spec.CABundle != "" && err == nil && info.Size() > 0 {
		for _, name := range bundleVariables {
			if !env.names[name] {
				env.add(name, spec.CABundle)
			}
		}
	}
	return env, nil
}

func (e *environment) add(name, value string) {
	e.names[name] = true
	e.list = append(e.list, name+"="+value)
}

// secretValues are all byte strings to scrub: the named variables, the services' ones, the files, the host's credentials.
func (e *environment) secretValues(spec *Spec) ([]string, error) {
	values := e.hidden
	wanted := map[string]bool{}
	for _, name := range spec.SecretEnv {
		wanted[name] = true
	}
	for _, pair := range e.list {
		if name, value, _ := strings.Cut(pair, "="); wanted[name] {
			values = append(values, value)
		}
	}
	for _, service := range spec.Services {
		for _, source := range service.SecretEnv {
			values = append(values, os.Getenv(source))
		}
	}
	for _, path := range spec.SecretFiles {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read a secret to scrub: %w", err)
		}
		values = append(values, string(data))
	}
	return values, nil
}

// environment is the service's variables. Secret values come by the container's environment: the specification is part
// of a cache key.
func (s Service) environment() []string {
	env := slices.Clone(s.Env)
	for name, source := range s.SecretEnv {
		env = append(env, name+"="+os.Getenv(source))
	}
	return env
}

func hostSettings(path string) (map[string]string, error) {
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if os.IsNotExist(err) || (err == nil && len(data) == 0) {
		return nil, nil
	}
	var settings struct {
		Env map[string]string `json:"env"`
	}
	if err == nil {
		err = json.Unmarshal(data, &settings)
	}
	if err != nil {
		return nil, fmt.Errorf("read the host's settings: %w", err)
	}
	return settings.Env, nil
}

// credentials are the parts of a setting that must not be shown: userinfo of its URLs, or all of it if its name says so.
func credentials(name, value string) []string {
	for _, word := range []string{"TOKEN", "PASSWORD", "PASSWD", "SECRET", "CREDENTIAL", "AUTH"} {
		if strings.Contains(strings.ToUpper(name), word) {
			return []string{value}
		}
	}
	var found []string
	for _, part := range strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == ',' || r == '|' || r == '\n' }) {
		address, err := url.Parse(part)
		if err != nil || address.User == nil {
			continue
		}
		raw, _, _ := strings.Cut(part[strings.Index(part, "://")+3:], "@")
		found = append(found, raw, address.User.String())
		if password, has := address.User.Password(); has {
			_, rawPassword, _ := strings.Cut(raw, ":")
			found = append(found, password, rawPassword)
		}
	}
	return found
}
