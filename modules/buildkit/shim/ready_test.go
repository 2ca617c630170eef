package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// printed runs `ready` and returns its exit code and what it printed.
func printed(t *testing.T, argument string) (int, string) {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = writer
	code := ready(argument)
	os.Stdout = stdout
	writer.Close()
	output, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return code, string(output)
}

func TestReadyWaitsForThePortAndPrintsNoLoopbackAddress(t *testing.T) {
	port := freePort(t)
	go func() {
		time.Sleep(100 * time.Millisecond)
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			defer listener.Close()
			time.Sleep(5 * time.Second)
		}
	}()
	began := time.Now()
	code, output := printed(t, fmt.Sprintf(`{"ports":[{"port":%d,"protocol":"TCP"}],"seconds":4}`, port))
	if code != 0 || time.Since(began) < 90*time.Millisecond {
		t.Fatalf("code %d after %v", code, time.Since(began))
	}
	if strings.Contains(output, "127.0.0.1") || strings.Contains(output, "::1") {
		t.Fatalf("loopback among %q", output)
	}
}

func TestReadySkipsPortsWithoutAHealthcheckAndGivesUpOnOthers(t *testing.T) {
	port := freePort(t)
	if code, _ := printed(t, fmt.Sprintf(`{"ports":[{"port":%d,"skipHealthcheck":true}],"seconds":0.05}`, port)); code != 0 {
		t.Fatalf("code %d", code)
	}
	if code, _ := printed(t, fmt.Sprintf(`{"ports":[{"port":%d,"protocol":"TCP"}],"seconds":0.05}`, port)); code != 1 {
		t.Fatalf("code %d", code)
	}
}
