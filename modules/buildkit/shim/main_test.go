package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test binary be the shim, and a server to put into a service's root: real processes, no doubles.
func TestMain(m *testing.M) {
	if role := os.Getenv("SHIM_TEST_ROLE"); role != "" && !isShim() {
		act(strings.Fields(role))
	}
	if isShim() {
		main()
	}
	os.Exit(m.Run())
}

func isShim() bool {
	return len(os.Args) > 1 && (os.Args[1] == "exec" || os.Args[1] == "enter")
}

func act(role []string) {
	switch role[0] {
	case "listen":
		time.Sleep(100 * time.Millisecond)
		listener, err := net.Listen("tcp", "127.0.0.1:"+role[1])
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		go func() {
			for {
				caller, err := listener.Accept()
				if err == nil {
					fmt.Fprintf(caller, "hello from %s", role[1])
					caller.Close()
				}
			}
		}()
		_ = os.WriteFile("/dev/stdout", []byte("by the device\n"), 0)
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGTERM)
		<-stop
		fmt.Println("stopped in peace")
		os.Exit(0)
	case "die":
		for i := range 25 {
			fmt.Println("line", i)
		}
		fmt.Println("token", os.Getenv("TOKEN"))
		os.Exit(7)
	case "describe":
		here, _ := os.Getwd()
		null, _ := os.Stat("/dev/null")
		tmp, _ := os.Stat("/tmp")
		fmt.Println(os.Getuid(), os.Getgid(), here, os.Getenv("HOME"), null.Mode(), tmp.Mode())
		os.Exit(0)
	}
}

type result struct {
	exit                           int
	code, stdout, stderr, combined string
	meta                           string
}

func shim(t *testing.T, spec map[string]any, env ...string) result {
	t.Helper()
	meta := t.TempDir()
	data, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run := exec.Command(self, "exec", "--meta", meta, string(data))
	run.Env = append(os.Environ(), env...)
	_ = run.Run()
	read := func(name string) string {
		data, _ := os.ReadFile(filepath.Join(meta, name))
		return string(data)
	}
	return result{run.ProcessState.ExitCode(), read("exit-code"), read("stdout"), read("stderr"), read("combined"), meta}
}

func expect(t *testing.T, what string, got, want any) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %#v, want %#v", what, got, want)
	}
}
