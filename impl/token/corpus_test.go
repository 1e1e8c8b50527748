package token_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/token"
)

// corpus returns the cases of a file of testdata/corpus, each as its lines. The first paragraph is
// a comment.
func corpus(t *testing.T, name string) (cases [][]string) {
	data, err := os.ReadFile(filepath.Join("testdata", "corpus", name))
	paragraphs := strings.Split(strings.TrimSpace(must(t, string(data), err)), "\n\n")
	for _, p := range paragraphs[1:] {
		cases = append(cases, strings.Split(p, "\n"))
	}
	return cases
}

// answer is the answer to a refresh token as the corpus has it.
func answer(t *testing.T, raw string) string {
	got, err := verifier(t, token.Rules{MaxLifetime: 365 * 24 * time.Hour}).Refresh(raw, now())
	early, retry := errors.AsType[*token.Early](err)
	switch {
	case err == nil && got != nil:
		return "accepted"
	case retry:
		return "retry after " + early.RetryAfter().String()
	}
	return err.Error()
}

func TestCorpusOfSignedTokens(t *testing.T) {
	for _, c := range corpus(t, "signed.txt") {
		t.Run(strings.TrimPrefix(c[0], "# "), func(t *testing.T) {
			if got := answer(t, withHeader(t, c[1], c[2])); got != c[3] {
				t.Errorf("got  %s\nwant %s", got, c[3])
			}
		})
	}
}

// TestCorpusOfSentTexts also holds the answers to their promise: they repeat nothing of the text.
func TestCorpusOfSentTexts(t *testing.T) {
	good := signed(t, sample)
	part := strings.Split(good, ".")
	fill := strings.NewReplacer(
		"TOKEN",
		good,
		"HEADER",
		part[0],
		"CLAIMS",
		part[1],
		"SIGNATURE",
		part[2],
	)
	for _, c := range corpus(t, "sent.txt") {
		t.Run(c[0], func(t *testing.T) {
			text, err := strconv.Unquote(c[0])
			got := answer(t, fill.Replace(must(t, text, err)))
			if got != c[1] {
				t.Errorf("got  %s\nwant %s", got, c[1])
			}
			for _, p := range part {
				if strings.Contains(got, p) {
					t.Errorf("the answer repeats a part of the token: %s", got)
				}
			}
		})
	}
}
