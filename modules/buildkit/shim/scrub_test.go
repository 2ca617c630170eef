package main

import (
	"math/rand"
	"slices"
	"strings"
	"testing"
)

// scrubbed is the obvious way: at each place the longest secret that starts there.
func scrubbed(text string, values []string) string {
	var out strings.Builder
	for len(text) > 0 {
		longest := 0
		for _, value := range values {
			if strings.HasPrefix(text, value) {
				longest = max(longest, len(value))
			}
		}
		if longest == 0 {
			out.WriteByte(text[0])
			text = text[1:]
			continue
		}
		out.WriteString(mask)
		text = text[longest:]
	}
	return out.String()
}

func TestScrubbingDoesNotDependOnHowOutputIsCut(t *testing.T) {
	random := rand.New(rand.NewSource(3))
	word := func(longest int) string {
		var text strings.Builder
		for range 1 + random.Intn(longest) {
			text.WriteByte("abc"[random.Intn(3)])
		}
		return text.String()
	}
	for range 3000 {
		var values []string
		for range 1 + random.Intn(3) {
			values = append(values, word(5))
		}
		text := word(40)
		stream, got := scrubber{secrets: newSecrets(values)}, ""
		for rest := text; rest != ""; {
			cut := 1 + random.Intn(len(rest))
			got += string(stream.write([]byte(rest[:cut])))
			rest = rest[cut:]
		}
		got += string(stream.flush())
		if want := scrubbed(text, values); got != want {
			t.Fatalf("secrets %q in %q: got %q, want %q", values, text, got, want)
		}
	}
}

func TestASecretIsAlsoHiddenWithoutItsSurroundingSpace(t *testing.T) {
	stream := scrubber{secrets: newSecrets([]string{"hunter2\n"})}
	got := string(stream.write([]byte("hunter2 and hunter2\n."))) + string(stream.flush())
	expect(t, "scrubbed", got, "*** and ***.")
}

func TestWhatCannotBeASecretIsNotHeldBack(t *testing.T) {
	stream := scrubber{secrets: newSecrets([]string{"hunter2"})}
	expect(t, "passed at once", string(stream.write([]byte("a prompt: hu"))), "a prompt: ")
	expect(t, "passed at the end", string(stream.flush()), "hu")
}

func TestEmptySecretsHideNothing(t *testing.T) {
	stream := scrubber{secrets: newSecrets([]string{"", "\n"})}
	got := string(stream.write([]byte("a\nb"))) + string(stream.flush())
	expect(t, "scrubbed", got, "a***b") // the second one is a newline, verbatim
}

func TestCredentialsOfTheHostAreSecrets(t *testing.T) {
	for _, one := range []struct {
		name, value string
		secrets     []string
	}{
		{"PIP_INDEX_URL", "https://packages.example/simple", nil},
		{"PIP_INDEX_URL", "https://me:p%40ss@packages.example/simple", []string{"me:p%40ss", "p@ss", "p%40ss"}},
		{"PIP_EXTRA_INDEX_URL", "https://a.example https://tok@b.example", []string{"tok"}},
		{"NPM_TOKEN", "abc", []string{"abc"}},
	} {
		found := credentials(one.name, one.value)
		for _, secret := range one.secrets {
			if !slices.Contains(found, secret) {
				t.Errorf("%s=%s: %q is not in %q", one.name, one.value, secret, found)
			}
		}
		if one.secrets == nil && len(found) > 0 {
			t.Errorf("%s=%s: %q is no secret", one.name, one.value, found)
		}
	}
}
