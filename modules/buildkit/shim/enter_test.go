package main

import (
	"os"
	"path/filepath"
	"testing"
)

// A limit that nothing reaches has the command started by `enter`; without one the shim starts it itself.
var unreached = map[string]any{"cpuSeconds": 1_000_000}

func TestACommandIsTheSameHoweverItIsStarted(t *testing.T) {
	folder := t.TempDir()
	plain := filepath.Join(folder, "plain")
	if err := os.WriteFile(plain, []byte("no program"), 0o644); err != nil {
		t.Fatal(err)
	}
	script := `id; pwd; env | grep -v ^_= | sort; grep -E '^(Sig|Cap|NoNewPrivs)' /proc/self/status; ulimit -n; ulimit -Hn
[ "$(ps -o pgid= -p $$ 2>/dev/null || echo $$)" -eq $$ ] && echo leader; ls /proc/self/fd`
	for _, args := range [][]string{
		{"sh", "-c", script},
		{"no-such-program"},
		{"./no-such-program"},
		{plain},
		{folder},
		{""},
	} {
		for _, env := range [][]string{nil, {"HOME=", "PATH=", "PWD="}, {"HOME=/elsewhere", "PWD=/nowhere"}} {
			for _, user := range []string{"", "root", "0:0"} {
				spec := map[string]any{"args": args, "user": user}
				ours := shim(t, spec, env...)
				spec["limits"] = unreached
				entered := shim(t, spec, env...)
				expect(t, args[0]+": exit code", ours.code, entered.code)
				expect(t, args[0]+": output", ours.stdout, entered.stdout)
				expect(t, args[0]+": error", ours.stderr, entered.stderr)
			}
		}
	}
}

func TestWhoHasToChangeFirstIsNotStartedAtOnce(t *testing.T) {
	for _, entry := range []Entry{
		{Root: "/"}, {Cwd: "/"}, {User: "nobody"}, {User: "0:1"}, {User: "no-such-user"},
		{Limits: Limits{Processes: 1}}, {Limits: Limits{AddressSpaceBytes: 1}}, {Limits: Limits{OpenFiles: 1}},
		{Limits: Limits{FileBytes: 1}}, {Limits: Limits{CPUSeconds: 1}},
	} {
		if who, _ := entry.ours(); who != nil {
			t.Errorf("%+v needs no change", entry)
		}
	}
	// A time or output limit is the shim's own to keep.
	if who, _ := (&Entry{Limits: Limits{TimeoutSeconds: 1, OutputBytes: 1}}).ours(); who == nil && os.Getuid() == 0 {
		t.Error("a limit that the shim keeps has another program started")
	}
}
