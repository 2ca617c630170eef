package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"time"
)

const (
	codeTimeout  = 124
	codeTooMany  = 137
	codeMissing  = 1 // as the engine whose API we serve has it: a missing program is exit code 1
	drainSeconds = 5
	spareThreads = 16
)

// runExec runs the command among its services. The shim is not dumpable meanwhile: a command that runs as root can't
// trace it and make up its own exit code.
//
// It returns the exit code to record and whether it is what the exec expects. An error means that the command was
// never reached or its output is incomplete.
func runExec(spec *Spec, meta string) (code int, ok bool, err error) {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // a closed log is an error to handle, not our death
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_DUMPABLE, 0, 0)
	env, err := commandEnvironment(spec, os.Environ())
	if err != nil {
		return 0, false, err
	}
	values, err := env.secretValues(spec)
	if err != nil {
		return 0, false, err
	}
	if err := os.MkdirAll(meta, 0o755); err != nil {
		return 0, false, err
	}
	known := newSecrets(values)
	stdout, stderr, err := openRecord(meta, known, spec.Limits.OutputBytes)
	if err != nil {
		return 0, false, err
	}
	for _, forward := range spec.Forward {
		if err := forward.start(); err != nil {
			return 0, false, err
		}
	}
	household := newHousehold(spec.NoInit)
	services, err := startPod(household, spec, meta, known)
	if err == nil {
		code, ok, err = runCommand(household, services, spec, env.list, stdout, stderr)
	} else {
		stderr.note(err.Error())
		code, ok, err = 1, false, nil
	}
	services.stop()
	household.clear()
	return code, ok, errors.Join(err, services.settle(), stdout.record.failed)
}

// command is the main process and what is attached to it.
type command struct {
	process *process
	copying sync.WaitGroup
	pipes   []*os.File
}

func runCommand(h *household, services *pod, spec *Spec, env []string, stdout, stderr *stream) (int, bool, error) {
	before := 0
	if spec.Limits.Processes > 0 {
		reserveThreads()
		before = len(descendants())
	}
	main, err := startCommand(h, spec, env, stdout, stderr)
	var no *refusal
	if errors.As(err, &no) && no.Kind == noSuchThing {
		stderr.note(no.Message)
		return codeMissing, spec.satisfied(codeMissing), nil
	}
	if err != nil {
		return 0, false, err
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2)
	why, code := main.wait(services, spec, before, signals)
	if why == nil {
		var plain bool
		code, plain = main.process.code()
		main.end(h, services)
		return code, plain && spec.satisfied(code), nil
	}
	main.end(h, services)
	stderr.note(why.Error())
	return code, false, nil
}

// reserveThreads has the runtime make its threads now. Once a fork bomb has every task that the kernel allows the
// container, a runtime that wants one more dies of it, and with it the limit.
func reserveThreads() {
	var all, ready sync.WaitGroup
	ready.Add(spareThreads)
	for range spareThreads {
		all.Go(func() {
			runtime.LockOSThread() // the next goroutine has to have a thread of its own
			ready.Done()
			ready.Wait()
			runtime.UnlockOSThread() // and this one goes into the runtime's pool
		})
	}
	all.Wait()
}

// wait returns when the command has ended by itself, or with the reason to end it.
func (c *command) wait(services *pod, spec *Spec, before int, signals <-chan os.Signal) (error, int) {
	var late, count <-chan time.Time
	if spec.Limits.TimeoutSeconds > 0 {
		late = time.After(time.Duration(spec.Limits.TimeoutSeconds * float64(time.Second)))
	}
	if spec.Limits.Processes > 0 {
		ticks := time.NewTicker(50 * time.Millisecond)
		defer ticks.Stop()
		count = ticks.C
	}
	for {
		select {
		case <-c.process.done:
			return nil, 0
		case which := <-signals:
			c.process.signal(which.(syscall.Signal))
		case dead := <-services.broken:
			if !dead.finished() {
				return dead.obituary(), 1
			}
		case <-late:
			return fmt.Errorf("gauntlet: killed after %g s (time limit)", spec.Limits.TimeoutSeconds), codeTimeout
		case <-count:
			// The kernel's own limit does not bind root.
			if len(descendants())-before > int(spec.Limits.Processes) {
				return fmt.Errorf("gauntlet: killed with more than %d processes (process limit)", spec.Limits.Processes), codeTooMany
			}
		}
	}
}

// end kills what is left of the command and completes its output.
func (c *command) end(h *household, services *pod) {
	c.process.signal(syscall.SIGKILL)
	services.stop()
	h.clear()
	for _, pipe := range c.pipes {
		_ = pipe.SetReadDeadline(time.Now().Add(drainSeconds * time.Second))
	}
	c.copying.Wait()
}

func startCommand(h *household, spec *Spec, env []string, stdout, stderr *stream) (*command, error) {
	stdin, err := openStdin(spec)
	if err != nil {
		return nil, err
	}
	defer stdin.Close()
	if err := errors.Join(stdout.openRedirect(spec.RedirectStdout, spec.User), stderr.openRedirect(spec.RedirectStderr, spec.User)); err != nil {
		return nil, err
	}
	c := &command{}
	outputs := [2]*os.File{}
	for i, stream := range []*stream{stdout, stderr} {
		reader, writer, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		defer writer.Close()
		outputs[i] = writer
		c.pipes = append(c.pipes, reader)
		c.copying.Go(func() { stream.copy(reader) })
	}
	entry := Entry{User: spec.User, Keep: spec.HomeSet, Limits: spec.Limits}
	c.process, err = h.start(entry, spec.Args, env, [3]*os.File{stdin, outputs[0], outputs[1]})
	return c, err
}

func (s *stream) openRedirect(path, user string) error {
	if path == "" {
		return nil
	}
	who, err := findAccount(user, "/etc/passwd", "/etc/group")
	if err != nil {
		return err
	}
	if s.redirect, err = os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600); err != nil {
		return fmt.Errorf("redirect: %w", err)
	}
	return s.redirect.Chown(who.uid, who.gid)
}

// openStdin is the command's standard input; empty if the spec names none.
func openStdin(spec *Spec) (*os.File, error) {
	for _, path := range []string{spec.RedirectStdin, spec.StdinFile} {
		if path != "" {
			return os.Open(path)
		}
	}
	if spec.Stdin == "" {
		return os.Open(os.DevNull)
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	go func() {
		_, _ = writer.WriteString(spec.Stdin) // the command need not read it all
		writer.Close()
	}()
	return reader, nil
}
