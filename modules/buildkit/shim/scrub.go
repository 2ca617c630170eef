package main

import "bytes"

const mask = "***"

// secrets is a trie of the byte strings to hide; built once, shared by all streams.
type secrets struct {
	root  *node
	first [256]bool // bytes that a secret starts with: lets the common case skip the trie
}

type node struct {
	next map[byte]*node
	ends bool
}

func newSecrets(values []string) *secrets {
	root := &node{}
	for _, value := range values {
		root.insert(value)
		root.insert(string(bytes.TrimSpace([]byte(value))))
	}
	known := &secrets{root: root}
	for b := range root.next {
		known.first[b] = true
	}
	return known
}

func (n *node) insert(value string) {
	if value == "" {
		return
	}
	for i := range len(value) {
		if n.next == nil {
			n.next = map[byte]*node{}
		}
		if n.next[value[i]] == nil {
			n.next[value[i]] = &node{}
		}
		n = n.next[value[i]]
	}
	n.ends = true
}

// scrubber hides secrets in a stream, also where one is cut by the borders of writes. It holds back no more than
// what may be the start of a secret.
type scrubber struct {
	secrets *secrets
	held    []byte
}

// write returns what is safe to pass on of everything given so far. The result is valid until the next call.
func (s *scrubber) write(data []byte) []byte {
	if s.secrets.root.next == nil {
		return data
	}
	return s.scan(append(s.held, data...), false)
}

// flush returns the rest at the end of the stream.
func (s *scrubber) flush() []byte {
	return s.scan(s.held, true)
}

func (s *scrubber) scan(data []byte, last bool) []byte {
	safe := make([]byte, 0, len(data))
	plain, at := 0, 0 // data[plain:at] is not secret and not yet passed on
	for at < len(data) {
		if !s.secrets.first[data[at]] {
			at++
			continue
		}
		length, open := s.longest(data[at:])
		if open && !last {
			break
		}
		if length == 0 {
			at++
			continue
		}
		safe = append(append(safe, data[plain:at]...), mask...)
		at += length
		plain = at
	}
	safe = append(safe, data[plain:at]...)
	s.held = append([]byte(nil), data[at:]...)
	return safe
}

// longest is the length of the longest secret that data starts with; open if more data could make a longer one.
func (s *scrubber) longest(data []byte) (length int, open bool) {
	current := s.secrets.root
	for i, b := range data {
		if current = current.next[b]; current == nil {
			return length, false
		}
		if current.ends {
			length = i + 1
		}
	}
	return length, current.next != nil
}
