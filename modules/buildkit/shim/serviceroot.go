package main

import (
	"errors"
	"os"
	"syscall"
)

// enterRoot makes a service's root usable and goes there. Everything is done from inside, so that no symbolic link of
// the image leads out. There is no /proc: mounting needs a privilege that containers lack.
func (e *Entry) enterRoot() error {
	if err := syscall.Chroot(e.Root); err != nil {
		return &os.PathError{Op: "chroot", Path: e.Root, Err: err}
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	defer syscall.Umask(syscall.Umask(0))
	const shared = os.ModeSticky | 0o777
	for _, wanted := range []struct {
		path string
		mode os.FileMode
	}{{"/etc", 0o755}, {"/tmp", shared}, {"/dev", 0o755}, {"/dev/shm", shared}} {
		if err := directory(wanted.path, wanted.mode); err != nil {
			return err
		}
	}
	for path, minor := range map[string]int{
		"/dev/null": 3, "/dev/zero": 5, "/dev/full": 7, "/dev/random": 8, "/dev/urandom": 9,
	} {
		if err := device(path, minor); err != nil {
			return err
		}
	}
	// Images link their logs there. Without /proc the links lead nowhere: pipes, which the shim reads into the log.
	for _, path := range []string{"/dev/stdout", "/dev/stderr"} {
		_ = os.Remove(path)
		if err := syscall.Mkfifo(path, 0o666); err != nil {
			return &os.PathError{Op: "mkfifo", Path: path, Err: err}
		}
	}
	for path, text := range map[string][]byte{"/etc/hosts": e.Hosts, "/etc/resolv.conf": e.DNS} {
		_ = os.Remove(path) // often a link
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func directory(path string, mode os.FileMode) error {
	if err := os.Mkdir(path, mode); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	if mode&os.ModeSticky != 0 {
		return os.Chmod(path, mode)
	}
	return nil
}

// device makes a character device of the memory driver. Rootless daemons may not: an existing file is as good then,
// and an empty one serves most programs as /dev/null.
func device(path string, minor int) error {
	const memory = 1
	if info, err := os.Stat(path); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		return nil
	}
	_ = os.Remove(path)
	err := syscall.Mknod(path, syscall.S_IFCHR|0o666, memory<<8|minor)
	if errors.Is(err, syscall.EPERM) {
		if path == "/dev/null" {
			return os.WriteFile(path, nil, 0o666)
		}
		return nil
	}
	if err != nil {
		return &os.PathError{Op: "mknod", Path: path, Err: err}
	}
	return nil
}
