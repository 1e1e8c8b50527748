package store_test

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"kalsel.dev/refresh/impl/store"
)

// helperEnv makes the test binary a second process on a store: its value is the store's URL.
const helperEnv = "STORE_TEST_URL"

// helper revokes 100 sessions, from the number in STORE_TEST_FROM on.
func helper() int {
	ctx := context.Background()
	s, err := store.Open(ctx, os.Getenv(helperEnv))
	if err == nil {
		err = revokeMany(ctx, s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func revokeMany(ctx context.Context, s *store.Store) error {
	defer s.Close()
	from, err := strconv.Atoi(os.Getenv("STORE_TEST_FROM"))
	if err != nil {
		return err
	}
	for n := range 100 {
		if _, err := s.Revoke(ctx, ended(from+n)); err != nil {
			return err
		}
	}
	return nil
}
