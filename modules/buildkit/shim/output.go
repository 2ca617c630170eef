package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

const tailBytes = 16 << 10

// record is the pair of files that a stream's bytes end up in, beside the live log. Both streams of a command share
// `combined`; the lock keeps their pieces whole.
type record struct {
	mu       sync.Mutex
	combined *os.File
	failed   error // the first write that the disk refused
}

// stream is one output of a process on its way: raw to a redirect, scrubbed to the log and the files.
type stream struct {
	record   *record
	scrubber scrubber
	redirect *os.File
	live     *os.File
	file     *os.File
	limit    int64 // bytes; 0: none
	passed   int64
	tail     []byte
}

// copy moves everything from the pipe until all its writers are gone. Memory stays bounded by one buffer.
func (s *stream) copy(pipe io.Reader) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := pipe.Read(buffer)
		if n > 0 {
			s.write(buffer[:n])
		}
		if err != nil {
			break
		}
	}
	s.record.mu.Lock()
	defer s.record.mu.Unlock()
	s.pass(s.scrubber.flush())
}

func (s *stream) write(data []byte) {
	s.record.mu.Lock()
	defer s.record.mu.Unlock()
	if s.redirect != nil {
		_, err := s.redirect.Write(data)
		s.record.fail(err)
	}
	s.pass(s.scrubber.write(data))
}

func (s *stream) pass(data []byte) {
	if room := s.limit - s.passed; s.limit > 0 && int64(len(data)) > room {
		if room < 0 {
			return
		}
		s.passed = s.limit + 1
		s.emit(data[:room])
		s.emit([]byte(fmt.Sprintf("\ngauntlet: output cut after %d bytes (output limit)\n", s.limit)))
		return
	}
	s.passed += int64(len(data))
	s.emit(data)
}

func (s *stream) emit(data []byte) {
	if len(data) == 0 {
		return
	}
	if s.live != nil {
		if _, err := s.live.Write(data); err != nil {
			s.live = nil // nobody listens any more; the files still count
		}
	}
	_, err := s.file.Write(data)
	s.record.fail(err)
	if s.record.combined != nil {
		_, err = s.record.combined.Write(data)
		s.record.fail(err)
	}
	s.tail = append(s.tail, data[max(0, len(data)-tailBytes):]...)
	s.tail = s.tail[max(0, len(s.tail)-tailBytes):]
}

// note adds a line of the shim's own, whatever the limit.
func (s *stream) note(line string) {
	s.record.mu.Lock()
	defer s.record.mu.Unlock()
	if len(s.tail) > 0 && s.tail[len(s.tail)-1] != '\n' {
		line = "\n" + line
	}
	s.emit(append(s.scrubber.write([]byte(line+"\n")), s.scrubber.flush()...))
}

// lastLines is the stream's end: at most n lines, less if they are long.
func (s *stream) lastLines(n int) string {
	s.record.mu.Lock()
	defer s.record.mu.Unlock()
	lines := bytes.Split(bytes.TrimRight(s.tail, "\n"), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-n):], []byte("\n")))
}

func (r *record) fail(err error) {
	if err != nil && r.failed == nil {
		r.failed = fmt.Errorf("record the output: %w", err)
	}
}

// openRecord creates the meta files of the command's two outputs.
func openRecord(meta string, known *secrets, limit int64) (stdout, stderr *stream, err error) {
	files := make([]*os.File, 3)
	for i, name := range []string{"combined", "stdout", "stderr"} {
		if files[i], err = os.Create(filepath.Join(meta, name)); err != nil {
			return nil, nil, err
		}
	}
	shared := &record{combined: files[0]}
	stdout = &stream{record: shared, scrubber: scrubber{secrets: known}, live: os.Stdout, file: files[1], limit: limit}
	stderr = &stream{record: shared, scrubber: scrubber{secrets: known}, live: os.Stderr, file: files[2], limit: limit}
	return stdout, stderr, nil
}

// writeCode leaves exit-code complete or absent. The command may have planted a link there.
func writeCode(meta string, code int) error {
	if err := os.MkdirAll(meta, 0o755); err != nil {
		return err
	}
	path := filepath.Join(meta, "exit-code")
	if err := os.RemoveAll(path + ".new"); err != nil {
		return err
	}
	file, err := os.OpenFile(path+".new", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = file.WriteString(strconv.Itoa(code))
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
