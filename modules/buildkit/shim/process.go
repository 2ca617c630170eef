package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a child with its own process group.
type process struct {
	pid    int
	done   chan struct{} // closed when it has ended
	status syscall.WaitStatus
}

// household reaps: the one place that waits for children, so that nobody steals another's exit status. Orphans are
// adopted and reaped too, unless bare.
type household struct {
	mu   sync.Mutex
	live map[int]*process
	bare bool
}

func newHousehold(bare bool) *household {
	h := &household{live: map[int]*process{}, bare: bare}
	if !bare && os.Getpid() != 1 {
		const setChildSubreaper = 36
		_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, setChildSubreaper, 1, 0)
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	go func() {
		for range ended {
			h.reap()
		}
	}()
	return h
}

func (h *household) reap() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.bare {
		for h.reapOne(-1) {
		}
		return
	}
	for pid := range h.live {
		h.reapOne(pid)
	}
}

func (h *household) reapOne(which int) bool {
	var status syscall.WaitStatus
	pid, err := syscall.Wait4(which, &status, syscall.WNOHANG, nil)
	if err == syscall.EINTR {
		return true
	}
	if err != nil || pid <= 0 {
		return false
	}
	if child := h.live[pid]; child != nil {
		delete(h.live, pid)
		child.status = status
		close(child.done)
	}
	return true
}

// start runs a command: through `enter`, or at once where there is nothing that only the child can do to itself.
//
// It returns a *refusal if the child could not become the command. files are the child's standard input, outputs.
func (h *household) start(entry Entry, args, env []string, files [3]*os.File) (*process, error) {
	if who, err := entry.ours(); err == nil && who != nil {
		return h.startOurs(who, args, env, files)
	}
	data, err := json.Marshal(entry)
	if err != nil {
		return nil, err
	}
	report, reporter, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer report.Close()
	child, err := h.fork("/proc/self/exe", append([]string{"exec-shim", "enter", string(data), "--"}, args...), &syscall.ProcAttr{
		Env:   env,
		Files: []uintptr{files[0].Fd(), files[1].Fd(), files[2].Fd(), reporter.Fd()},
		Sys:   &syscall.SysProcAttr{Setpgid: true},
	})
	reporter.Close()
	if err != nil {
		return nil, os.NewSyscallError("start a process", err)
	}
	answer, err := io.ReadAll(report)
	if err != nil || len(answer) == 0 {
		return child, err
	}
	<-child.done
	no := &refusal{}
	if err := json.Unmarshal(answer, no); err != nil {
		return nil, err
	}
	return nil, no
}

// startOurs starts a command for the user that the shim is, as `enter` would, without a program in between.
func (h *household) startOurs(who *account, args, env []string, files [3]*os.File) (*process, error) {
	env = completed(env, who)
	path, err := lookPath(args[0], env)
	if err != nil && !errors.Is(err, exec.ErrDot) {
		return nil, &refusal{noSuchThing, err.Error()}
	}
	child, err := h.fork(path, args, &syscall.ProcAttr{
		Env:   env,
		Files: []uintptr{files[0].Fd(), files[1].Fd(), files[2].Fd()},
		Sys:   &syscall.SysProcAttr{Setpgid: true},
	})
	switch {
	case errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.ENOMEM):
		return nil, os.NewSyscallError("start a process", err)
	case err != nil:
		return nil, &refusal{noSuchThing, (&os.PathError{Op: "fork/exec", Path: path, Err: err}).Error()}
	}
	return child, nil
}

// fork holds the lock until the child is known: its end can't be reaped before.
func (h *household) fork(program string, argv []string, attributes *syscall.ProcAttr) (*process, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	pid, err := syscall.ForkExec(program, argv, attributes)
	if err != nil {
		return nil, err
	}
	child := &process{pid: pid, done: make(chan struct{})}
	h.live[pid] = child
	return child, nil
}

// signal reaches the child's whole group; its members may have left it.
func (p *process) signal(which syscall.Signal) {
	_ = syscall.Kill(-p.pid, which)
}

// code is the exit code as shells count it; plain unless a signal ended the process.
func (p *process) code() (code int, plain bool) {
	if p.status.Signaled() {
		return 128 + int(p.status.Signal()), false
	}
	return p.status.ExitStatus(), true
}

// clear kills every process but the shim and waits until they are gone, at most a while.
func (h *household) clear() {
	deadline := time.Now().Add(5 * time.Second)
	for pause := time.Millisecond; time.Now().Before(deadline); pause = min(2*pause, 50*time.Millisecond) {
		others := descendants()
		if os.Getpid() == 1 {
			_ = syscall.Kill(-1, syscall.SIGKILL) // atomic: a fork bomb can't outrun it
		}
		for _, pid := range others {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		h.reap()
		if len(others) == 0 {
			return
		}
		time.Sleep(pause)
	}
}

// descendants are the live processes below this one. As an init or subreaper it is the parent of all orphans.
func descendants() []int {
	parents := map[int]int{}
	for _, pid := range processes() {
		data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
		if err != nil {
			continue
		}
		// pid (name) state ppid …; the name may hold anything
		fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
		if len(fields) > 1 && fields[0] != "Z" {
			parents[pid] = number(fields[1])
		}
	}
	var below []int
	for pid := range parents {
		for above := parents[pid]; above > 0; above = parents[above] {
			if above == os.Getpid() {
				below = append(below, pid)
				break
			}
		}
	}
	return below
}

// processes are the ids of all processes that this one can see.
func processes() []int {
	directory, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer directory.Close()
	names, _ := directory.Readdirnames(-1)
	var pids []int
	for _, name := range names {
		if pid := number(name); pid > 0 {
			pids = append(pids, pid)
		}
	}
	return pids
}
