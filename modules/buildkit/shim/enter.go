package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
)

const (
	reportFD     = 3 // a pipe to the shim; a successful exec closes it without a word
	rlimitNPROC  = 6
	rlimitFSIZE  = syscall.RLIMIT_FSIZE
	noSuchPlace  = "place" // the command was never reached
	noSuchThing  = "thing" // the command itself can't run
	reportNobody = 127
	defaultPath  = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

// Entry is what a child does to itself before it becomes the command: all that Go can't do between fork and exec.
type Entry struct {
	Root   string `json:"root,omitempty"` // chroot of a service
	Cwd    string `json:"cwd,omitempty"`
	User   string `json:"user,omitempty"`
	Keep   bool   `json:"keepHome,omitempty"`
	Hosts  []byte `json:"hosts,omitempty"`
	DNS    []byte `json:"dns,omitempty"`
	Limits Limits `json:"limits"`
}

// refusal is why a child could not become its command.
type refusal struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
}

func (r *refusal) Error() string { return r.Message }

// enter never returns: the process becomes the command or reports a refusal.
func enter(arguments []string) {
	syscall.CloseOnExec(reportFD)
	var entry Entry
	if err := json.Unmarshal([]byte(arguments[0]), &entry); err != nil || len(arguments) < 3 || arguments[1] != "--" {
		refuse(noSuchPlace, errors.New("the shim called itself with wrong arguments"))
	}
	args := arguments[2:]
	if err := entry.settle(); err != nil {
		refuse(noSuchPlace, err)
	}
	path, err := exec.LookPath(args[0])
	if err != nil && !errors.Is(err, exec.ErrDot) {
		refuse(noSuchThing, err)
	}
	if err := entry.Limits.apply(); err != nil {
		refuse(noSuchPlace, err)
	}
	err = syscall.Exec(path, args, os.Environ())
	refuse(noSuchThing, &os.PathError{Op: "fork/exec", Path: path, Err: err})
}

// ours is the command's account if it is the shim's own, and nothing has to be done between fork and exec.
func (e *Entry) ours() (*account, error) {
	l := e.Limits
	limited := l.CPUSeconds > 0 || l.FileBytes > 0 || l.OpenFiles > 0 || l.Processes > 0 || l.AddressSpaceBytes > 0
	if e.Root != "" || e.Cwd != "" || limited || os.Getuid() != 0 {
		return nil, nil
	}
	who, err := findAccount(e.User, "/etc/passwd", "/etc/group")
	if err != nil || who.uid != 0 || who.gid != os.Getgid() {
		return nil, err
	}
	have, err := os.Getgroups()
	if err != nil {
		return nil, err
	}
	if !slices.Equal(otherGroups(have, who.gid), otherGroups(who.groups, who.gid)) {
		return nil, nil
	}
	return &who, nil
}

// otherGroups are the groups beside the main one, sorted.
func otherGroups(groups []int, main int) []int {
	others := slices.DeleteFunc(slices.Clone(groups), func(group int) bool { return group == main })
	slices.Sort(others)
	return slices.Compact(others)
}

// completed is the environment as `settle` leaves it for a root.
func completed(env []string, who *account) []string {
	for name, value := range map[string]string{"PATH": defaultPath, "HOME": who.home} {
		if variable(env, name) == "" {
			env = with(env, name, value)
		}
	}
	if here, err := os.Getwd(); err == nil && variable(env, "PWD") == "" {
		env = with(env, "PWD", here)
	}
	return env
}

func variable(env []string, name string) string {
	for _, pair := range slices.Backward(env) {
		if found, value, _ := strings.Cut(pair, "="); found == name {
			return value
		}
	}
	return ""
}

func with(env []string, name, value string) []string {
	others := slices.DeleteFunc(slices.Clone(env), func(pair string) bool { return strings.HasPrefix(pair, name+"=") })
	return append(others, name+"="+value)
}

// lookPath finds a program on the command's own PATH.
func lookPath(program string, env []string) (string, error) {
	if err := os.Setenv("PATH", variable(env, "PATH")); err != nil {
		return "", err
	}
	return exec.LookPath(program)
}

// settle moves the process to its root, directory and user.
func (e *Entry) settle() error {
	if os.Getenv("PATH") == "" {
		os.Setenv("PATH", defaultPath)
	}
	if e.Root != "" {
		if err := e.enterRoot(); err != nil {
			return err
		}
	}
	who, err := findAccount(e.User, "/etc/passwd", "/etc/group")
	if err != nil {
		return err
	}
	if e.Cwd != "" {
		if err := os.MkdirAll(e.Cwd, 0o755); err != nil {
			return err
		}
		if err := os.Chdir(e.Cwd); err != nil {
			return err
		}
	}
	// runc sets HOME for root, the user it knows of, before the shim runs.
	if home := os.Getenv("HOME"); home == "" || (!e.Keep && who.uid != 0) {
		os.Setenv("HOME", who.home)
	}
	if here, err := os.Getwd(); err == nil && os.Getenv("PWD") == "" {
		os.Setenv("PWD", here)
	}
	return who.become()
}

func (a account) become() error {
	if err := syscall.Setgroups(append([]int{a.gid}, a.groups...)); err != nil && a.uid != os.Getuid() {
		return os.NewSyscallError("setgroups", err) // a user namespace with one user denies it: harmless when nothing changes
	}
	if a.gid != os.Getgid() || a.gid != os.Getegid() {
		if err := syscall.Setresgid(a.gid, a.gid, a.gid); err != nil {
			return os.NewSyscallError("setgid", err)
		}
	}
	if a.uid != os.Getuid() || a.uid != os.Geteuid() {
		if err := syscall.Setresuid(a.uid, a.uid, a.uid); err != nil {
			return os.NewSyscallError("setuid", err)
		}
	}
	return nil
}

// apply comes last: the address space limit would hit the shim's own runtime.
func (l Limits) apply() error {
	for _, limit := range []struct {
		resource int
		value    uint64
	}{
		{syscall.RLIMIT_CPU, l.CPUSeconds},
		{rlimitFSIZE, l.FileBytes},
		{syscall.RLIMIT_NOFILE, l.OpenFiles},
		{rlimitNPROC, l.Processes},
		{syscall.RLIMIT_AS, l.AddressSpaceBytes},
	} {
		if limit.value == 0 {
			continue
		}
		if limit.resource == syscall.RLIMIT_AS {
			makeRoom()
		}
		var now syscall.Rlimit
		if err := syscall.Getrlimit(limit.resource, &now); err != nil {
			return os.NewSyscallError("getrlimit", err)
		}
		value := min(limit.value, now.Max) // raising the hard limit needs a privilege that containers lack
		if err := syscall.Setrlimit(limit.resource, &syscall.Rlimit{Cur: value, Max: value}); err != nil {
			return os.NewSyscallError("setrlimit", err)
		}
	}
	return nil
}

// makeRoom leaves free pages in the heap for what exec allocates: once the address space is limited it can't grow, and
// the runtime would die of that.
func makeRoom() {
	room := make([]byte, 1<<20)
	runtime.KeepAlive(room)
	runtime.GC()
	debug.SetGCPercent(-1)
}

func refuse(kind string, why error) {
	data, err := json.Marshal(refusal{kind, strings.TrimSpace(why.Error())})
	if err == nil {
		_, _ = syscall.Write(reportFD, data)
	}
	os.Exit(reportNobody)
}
