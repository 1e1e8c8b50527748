package store

import (
	"context"
	"fmt"
)

// statement is one SQL statement, and the use of its rows.
type statement struct {
	text string
	args []any
	// each is called for each row; nil if the statement returns none.
	each func(row) error
	// changed is how many rows the statement changed, once it has run. It is not set if each is.
	changed int64
}

// row is a row that can be scanned.
type row interface{ Scan(dest ...any) error }

// handle runs statements: those of one transaction, or reads.
type handle interface {
	// run runs the statements in their order. PostgreSQL receives all of them in one message. The
	// error is a failure.
	run(ctx context.Context, list ...*statement) error
}

// failure is the error of the statement at a position of the list that was run.
type failure struct {
	at  int
	err error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// exec returns a statement without rows.
func exec(text string, args ...any) *statement { return &statement{text: text, args: args} }

// one returns a statement whose row is scanned into dest. Without a row dest keeps its value.
func one(dest []any, text string, args ...any) *statement {
	return &statement{
		text: text,
		args: args,
		each: func(r row) error { return r.Scan(dest...) },
	}
}

// all returns a statement whose rows are appended to a list.
func all[T any](list *[]T, scan func(row) (T, error), text string, args ...any) *statement {
	return &statement{
		text: text,
		args: args,
		each: func(r row) error {
			next, err := scan(r)
			if err != nil {
				return fmt.Errorf("read a row: %w", err)
			}
			*list = append(*list, next)
			return nil
		},
	}
}
