package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

const (
	stopGrace   = 3 * time.Second
	logBytes    = 64 << 20
	lastLines   = 20
	pollEvery   = 10 * time.Millisecond
	openNoBlock = os.O_RDWR | syscall.O_NONBLOCK | syscall.O_NOFOLLOW
)

// running is a service that was started.
type running struct {
	Service
	process *process
	log     *stream
	pipes   []*os.File
	copying sync.WaitGroup
}

// pod is the exec's services: they share the command's network and life.
type pod struct {
	household *household
	services  []*running
	broken    chan *running // a service that ended although it was needed
}

// startPod starts all services at once and waits until each listens on its ports.
//
// The error's text is for the command's stderr: which service, how it ended, its last lines.
func startPod(h *household, spec *Spec, meta string, known *secrets) (*pod, error) {
	p := &pod{household: h, broken: make(chan *running, len(spec.Services))}
	if len(spec.Services) == 0 {
		return p, nil
	}
	if err := os.MkdirAll(filepath.Join(meta, "services"), 0o755); err != nil {
		return p, err
	}
	for _, service := range spec.Services {
		for _, port := range service.Ports {
			if port.listening() {
				return p, fmt.Errorf("service %s can't have %s port %d: something else listens there already", service.Name, port.Protocol, port.Port)
			}
		}
		one := &running{Service: service}
		p.services = append(p.services, one)
		if err := one.start(h, meta, known); err != nil {
			return p, fmt.Errorf("service %s did not start: %w", service.Name, err)
		}
		go func() {
			<-one.process.done
			p.broken <- one
		}()
	}
	return p, p.await(time.Duration(spec.StartSeconds * float64(time.Second)))
}

func (s *running) start(h *household, meta string, known *secrets) error {
	file, err := os.Create(filepath.Join(meta, "services", s.Name+".log"))
	if err != nil {
		return err
	}
	s.log = &stream{record: &record{}, scrubber: scrubber{secrets: known}, file: file, limit: logBytes}
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	s.pipes = []*os.File{reader}
	cwd := s.Cwd
	if cwd == "" {
		cwd = "/"
	}
	hosts, _ := os.ReadFile("/etc/hosts")
	dns, _ := os.ReadFile("/etc/resolv.conf")
	entry := Entry{Root: s.Root, Cwd: cwd, User: s.User, Keep: true, Hosts: hosts, DNS: dns}
	s.process, err = h.start(entry, s.Args, s.environment(), [3]*os.File{null, writer, writer})
	null.Close()
	writer.Close()
	if err != nil {
		return err
	}
	for _, name := range []string{"stdout", "stderr"} {
		if fifo, err := os.OpenFile(filepath.Join(s.Root, "dev", name), openNoBlock, 0); err == nil {
			s.pipes = append(s.pipes, fifo)
		}
	}
	for _, pipe := range s.pipes {
		s.copying.Go(func() { s.log.copy(pipe) })
	}
	return nil
}

// await returns when every port is open, or with the reason why one will not be.
func (p *pod) await(limit time.Duration) error {
	late := time.After(limit)
	for {
		waiting, port := p.pending()
		if waiting == nil {
			return nil
		}
		select {
		case dead := <-p.broken:
			if !dead.finished() {
				return dead.obituary()
			}
		case <-late:
			return fmt.Errorf("service %s did not listen on %s port %d within %g s%s", waiting.Name, port.Protocol, port.Port, limit.Seconds(), waiting.quote())
		case <-time.After(pollEvery):
		}
	}
}

func (p *pod) pending() (*running, Port) {
	for _, service := range p.services {
		for _, port := range service.Ports {
			if !port.SkipHealthcheck && !port.listening() {
				return service, port
			}
		}
	}
	return nil, Port{}
}

// finished is true of a service without ports that ended well: a job rather than a server.
func (s *running) finished() bool {
	code, plain := s.process.code()
	return plain && code == 0 && len(s.Ports) == 0
}

func (s *running) obituary() error {
	code, _ := s.process.code()
	s.drain(time.Second)
	return fmt.Errorf("service %s exited with code %d%s", s.Name, code, s.quote())
}

func (s *running) quote() string {
	if lines := s.log.lastLines(lastLines); lines != "" {
		return "\n" + lines
	}
	return ""
}

// stop asks every service to end, and leaves the stubborn to household.clear.
func (p *pod) stop() {
	late := time.After(stopGrace)
	for _, service := range p.services {
		if service.process != nil {
			_ = syscall.Kill(service.process.pid, syscall.SIGTERM)
		}
	}
	for _, service := range p.services {
		if service.process == nil {
			continue
		}
		select {
		case <-service.process.done:
		case <-late:
			return
		}
	}
}

// settle completes the logs; all processes are gone by now.
func (p *pod) settle() error {
	var all []error
	for _, service := range p.services {
		if service.log != nil {
			service.drain(time.Second)
			all = append(all, service.log.record.failed, service.log.file.Close())
		}
	}
	return errors.Join(all...)
}

// drain waits until the log has all that was written, or for a while if a process that left the service holds it.
func (s *running) drain(limit time.Duration) {
	for _, fifo := range s.pipes[1:] {
		_ = fifo.SetReadDeadline(time.Now().Add(10 * time.Millisecond)) // never ends by itself: we are a writer, too
	}
	_ = s.pipes[0].SetReadDeadline(time.Now().Add(limit))
	s.copying.Wait()
}
