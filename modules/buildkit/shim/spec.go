package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
)

// Spec is what one exec is to do. Only Args is required.
type Spec struct {
	Args           []string  `json:"args"`
	User           string    `json:"user"`    // name|uid[:group|gid], looked up in the image
	HomeSet        bool      `json:"homeSet"` // HOME was set on purpose: keep it whoever the user is
	Stdin          string    `json:"stdin"`
	StdinFile      string    `json:"stdinFile"`
	RedirectStdin  string    `json:"redirectStdin"` // redirects are relative to the working directory
	RedirectStdout string    `json:"redirectStdout"`
	RedirectStderr string    `json:"redirectStderr"`
	Expect         string    `json:"expect"` // SUCCESS (default), FAILURE, ANY
	NoInit         bool      `json:"noInit"`
	SecretEnv      []string  `json:"secretEnv"`
	SecretFiles    []string  `json:"secretFiles"`
	Limits         Limits    `json:"limits"`
	HostSettings   string    `json:"hostSettings"`
	CABundle       string    `json:"caBundle"`
	Services       []Service `json:"services"`
	StartSeconds   float64   `json:"serviceStartSeconds"`
	Forward        []Forward `json:"forward"`
}

// Limits bound the command; zero means no bound.
type Limits struct {
	TimeoutSeconds    float64 `json:"timeoutSeconds"`
	AddressSpaceBytes uint64  `json:"addressSpaceBytes"`
	Processes         uint64  `json:"processes"`
	FileBytes         uint64  `json:"fileBytes"`
	OpenFiles         uint64  `json:"openFiles"`
	CPUSeconds        uint64  `json:"cpuSeconds"`
	OutputBytes       int64   `json:"outputBytes"` // of each stream
}

// Service is a process that the command needs, with a root of its own in the same network.
type Service struct {
	Name      string            `json:"name"`
	Root      string            `json:"root"`
	Args      []string          `json:"args"`
	Env       []string          `json:"env"`
	SecretEnv map[string]string `json:"secretEnv"` // its variable → the variable of the container that has the value
	Cwd       string            `json:"cwd"`
	User      string            `json:"user"`
	Ports     []Port            `json:"ports"`
}

// Port is awaited before the command starts, unless SkipHealthcheck.
type Port struct {
	Port            int    `json:"port"`
	Protocol        string `json:"protocol"` // TCP (default) or UDP
	SkipHealthcheck bool   `json:"skipHealthcheck"`
}

// Forward makes a unix socket reachable as a TCP port of the loopback.
type Forward struct {
	Listen int    `json:"listen"`
	Socket string `json:"socket"`
}

func loadSpec(argument string) (*Spec, error) {
	data := []byte(argument)
	if path, isFile := strings.CutPrefix(argument, "@"); isFile {
		var err error
		if data, err = os.ReadFile(path); err != nil {
			return nil, fmt.Errorf("read the exec's specification: %w", err)
		}
	}
	spec := &Spec{Expect: "SUCCESS", StartSeconds: 60}
	if err := json.Unmarshal(data, spec); err != nil {
		return nil, fmt.Errorf("parse the exec's specification: %w", err)
	}
	return spec, spec.check()
}

func (s *Spec) check() error {
	if len(s.Args) == 0 {
		return errors.New("the exec has no command")
	}
	if s.Expect != "SUCCESS" && s.Expect != "FAILURE" && s.Expect != "ANY" {
		return fmt.Errorf("expect is %q, not one of SUCCESS, FAILURE, ANY", s.Expect)
	}
	owner := map[string]string{}
	for i := range s.Services {
		service := &s.Services[i]
		if service.Name == "" || strings.ContainsAny(service.Name, "/\x00") || service.Name[0] == '.' {
			return fmt.Errorf("%q can't be a service's name", service.Name)
		}
		if len(service.Args) == 0 {
			return fmt.Errorf("service %s has no command", service.Name)
		}
		for j := range service.Ports {
			port := &service.Ports[j]
			if port.Protocol == "" {
				port.Protocol = "TCP"
			}
			key := fmt.Sprintf("%s port %d", port.Protocol, port.Port)
			if other, taken := owner[key]; taken {
				return fmt.Errorf("services %s and %s both want %s; an exec's services share one network", other, service.Name, key)
			}
			owner[key] = service.Name
		}
	}
	return nil
}

// satisfied says whether a plain exit code is what the exec expects.
func (s *Spec) satisfied(code int) bool {
	switch s.Expect {
	case "FAILURE":
		return code >= 1 && code <= 127
	case "ANY":
		return code >= 0 && code <= 127
	}
	return code == 0
}
