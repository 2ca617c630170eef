// The exec shim is the first process of every exec's container. It does what the build engine's own executor does not:
// captures both outputs in files, scrubs secrets from them, runs the exec's services beside it, looks users up in the
// image, bounds the command and leaves nothing of it behind.
//
//	exec-shim exec [--meta DIR] SPEC       SPEC: the JSON of Spec, or @FILE
//	exec-shim ready JSON                   waits for ports and prints this network's addresses, see ready.go
//	exec-shim enter JSON -- ARG…           internal: becomes one command, see enter.go
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

const (
	metaDir  = "/.gauntlet/meta"
	codeLost = -1 // what exit-code says when the command was never reached
)

func main() {
	arguments := os.Args[1:]
	switch {
	case len(arguments) >= 2 && arguments[0] == "enter":
		enter(arguments[1:])
	case len(arguments) == 2 && arguments[0] == "ready":
		os.Exit(ready(arguments[1]))
	case len(arguments) >= 2 && arguments[0] == "exec":
		meta := metaDir
		if arguments[1] == "--meta" && len(arguments) == 4 {
			meta, arguments = arguments[2], append(arguments[:1:1], arguments[3])
		}
		if len(arguments) == 2 {
			os.Exit(execute(arguments[1], meta))
		}
	}
	fmt.Fprintln(os.Stderr, "usage: exec-shim exec [--meta DIR] JSON|@FILE, exec-shim ready JSON")
	os.Exit(255)
}

// complain says in the live log and in the recorded output why the command was never reached.
func complain(meta string, why error) {
	line := fmt.Sprintf("gauntlet: %v\n", why)
	fmt.Fprint(os.Stderr, line)
	_ = os.MkdirAll(meta, 0o755)
	for _, name := range []string{"stderr", "combined"} {
		file, err := os.OpenFile(filepath.Join(meta, name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
		if err != nil {
			return // without a place to write, the live log has to do
		}
		fmt.Fprint(file, line)
		file.Close()
	}
}

// execute runs one exec and returns the shim's own exit status.
func execute(argument, meta string) int {
	code, ok, err := 0, false, error(nil)
	spec, err := loadSpec(argument)
	if err == nil {
		code, ok, err = runExec(spec, meta)
	}
	if err != nil {
		complain(meta, err)
		code, ok = codeLost, false
	}
	if err := writeCode(meta, code); err != nil {
		complain(meta, err)
		return 255
	}
	switch {
	case ok:
		return 0
	case code == 0:
		return 1 // FAILURE was expected
	case code < 0:
		return 255
	}
	return code
}
