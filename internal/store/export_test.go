package store

import "context"

// The engine's tests use a table of their own through these.

func (q queries) ExecText(ctx context.Context, text string, args ...any) (int64, error) {
	return exec(ctx, q, text, args...)
}

func (q queries) Int(ctx context.Context, text string, args ...any) (int64, error) {
	return one(ctx, q, value[int64], text, args...)
}

func (q queries) Texts(ctx context.Context, text string, args ...any) ([]string, error) {
	return all(ctx, q, value[string], text, args...)
}

func (q queries) ChangeOne(ctx context.Context, text string, args ...any) error {
	return execOne(ctx, q, text, args...)
}
