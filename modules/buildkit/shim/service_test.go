package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// serviceRoot is a root with one static program: this test binary.
func serviceRoot(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("chroot needs root")
	}
	root := t.TempDir()
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	source, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	target, err := os.OpenFile(filepath.Join(root, "server"), os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(target, source); err != nil {
		t.Fatal(err)
	}
	target.Close()
	if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "etc/passwd"), "pg:x:70:71::/var/pg:/bin/sh\n")
	return root
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

func service(root, role string, more map[string]any) map[string]any {
	one := map[string]any{"name": "db", "root": root, "args": []string{"/server"}, "env": []string{"SHIM_TEST_ROLE=" + role}}
	for key, value := range more {
		one[key] = value
	}
	return one
}

func logOf(t *testing.T, r result) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(r.meta, "services/db.log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestACommandStartsWhenItsServiceListensAndStopsItAtItsEnd(t *testing.T) {
	root, port := serviceRoot(t), freePort(t)
	r := shim(t, map[string]any{
		"args": []string{"bash", "-c", fmt.Sprintf("exec 3<>/dev/tcp/127.0.0.1/%d; cat <&3", port)},
		"services": []any{
			service(root, fmt.Sprintf("listen %d", port), map[string]any{"ports": []any{map[string]any{"port": port}}}),
		},
	})
	expect(t, "stderr", r.stderr, "")
	expect(t, "stdout", r.stdout, fmt.Sprintf("hello from %d", port))
	expect(t, "exit", r.exit, 0)
	expect(t, "log", logOf(t, r), "by the device\nstopped in peace\n")
	if (Port{Port: port, Protocol: "TCP"}).listening() {
		t.Error("the service still listens")
	}
}

func TestADeadServiceFailsTheCommandWithItsLastLines(t *testing.T) {
	root := serviceRoot(t)
	r := shim(t, map[string]any{
		"args": []string{"echo", "never"}, "expect": "ANY",
		"services": []any{service(root, "die", map[string]any{
			"secretEnv": map[string]string{"TOKEN": "_GAUNTLET_DB_TOKEN"},
			"ports":     []any{map[string]any{"port": freePort(t)}},
		})},
	}, "_GAUNTLET_DB_TOKEN=hunter2")
	expect(t, "exit", r.exit, 1)
	expect(t, "exit-code", r.code, "1")
	expect(t, "stdout", r.stdout, "")
	if !strings.HasPrefix(r.stderr, "service db exited with code 7\nline 6\n") || !strings.HasSuffix(r.stderr, "line 24\ntoken ***\n") {
		t.Errorf("stderr: %s", r.stderr)
	}
}

func TestAServiceThatDiesMeanwhileEndsTheCommand(t *testing.T) {
	root := serviceRoot(t)
	began := time.Now()
	r := shim(t, map[string]any{
		"args": []string{"sleep", "30"}, "expect": "ANY",
		"services": []any{service(root, "die", map[string]any{})},
	})
	expect(t, "exit", r.exit, 1)
	if time.Since(began) > 10*time.Second || !strings.Contains(r.stderr, "service db exited with code 7") {
		t.Errorf("after %v: %s", time.Since(began), r.stderr)
	}
}

func TestAServiceHasARootUserDirectoryAndDevicesOfItsOwn(t *testing.T) {
	root := serviceRoot(t)
	r := shim(t, map[string]any{
		"args":     []string{"sleep", "0.3"},
		"services": []any{service(root, "describe", map[string]any{"user": "pg", "cwd": "/srv/data"})},
	})
	expect(t, "exit", r.exit, 0) // it has no ports and ended well: a job
	expect(t, "log", logOf(t, r), "70 71 /srv/data /var/pg Dcrw-rw-rw- dtrwxrwxrwx\n")
	hosts, err := os.ReadFile(filepath.Join(root, "etc/hosts"))
	own, _ := os.ReadFile("/etc/hosts")
	if err != nil || string(hosts) != string(own) {
		t.Errorf("hosts: %q, %v", hosts, err)
	}
}

func TestAServiceThatNeverListensFailsInTime(t *testing.T) {
	root, port := serviceRoot(t), freePort(t)
	r := shim(t, map[string]any{
		"args": []string{"true"}, "serviceStartSeconds": 0.4,
		"services": []any{service(root, fmt.Sprintf("listen %d", freePort(t)), map[string]any{"ports": []any{map[string]any{"port": port}}})},
	})
	expect(t, "exit", r.exit, 1)
	if want := fmt.Sprintf("service db did not listen on TCP port %d within 0.4 s", port); !strings.HasPrefix(r.stderr, want) {
		t.Errorf("stderr: %s", r.stderr)
	}
}

func TestAPortThatIsTakenIsNotMistakenForTheService(t *testing.T) {
	root := serviceRoot(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	port := listener.Addr().(*net.TCPAddr).Port
	r := shim(t, map[string]any{
		"args":     []string{"true"},
		"services": []any{service(root, "describe", map[string]any{"ports": []any{map[string]any{"port": port}}})},
	})
	expect(t, "exit", r.exit, 1)
	if !strings.Contains(r.stderr, "something else listens there already") {
		t.Errorf("stderr: %s", r.stderr)
	}
}

func TestASocketIsForwardedToAPort(t *testing.T) {
	path, port := filepath.Join(t.TempDir(), "engine.sock"), freePort(t)
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			caller, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.Copy(caller, caller)
			caller.Close()
		}
	}()
	// cat ends when the echo's end comes back: both directions close on their own.
	script := fmt.Sprintf("import socket\ns=socket.create_connection(('127.0.0.1',%d))\ns.sendall(b'ping')\ns.shutdown(1)\nprint(s.recv(9), s.recv(9))", port)
	r := shim(t, map[string]any{
		"args": []string{"python3", "-c", script}, "forward": []any{map[string]any{"listen": port, "socket": path}},
	})
	expect(t, "stdout", r.stdout, "b'ping' b''\n")
}
