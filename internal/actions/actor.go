package actions

import "context"

// An Actor is who does something, and from where: what the audit log says of a
// change. The zero Actor is the server itself.
type Actor struct {
	AccountID int64     // 0 for who has not signed in, and for the server itself
	Login     string    // of the account; may be empty where the id is known
	Address   string    // IP address, behind the proxies that are trusted; empty for a Unix socket and the server itself
	UserAgent string    // as the client says it, cut to 256 characters
	TokenID   int64     // that was shown; 0 for none
	TokenKind TokenKind // of that token; empty for none
	JobID     int64     // whose token it was; 0 for another
}

type actorKey struct{}

const maxUserAgent = 256

// WithActor is ctx of what a does.
func WithActor(ctx context.Context, a Actor) context.Context {
	a.UserAgent = Clip(a.UserAgent, maxUserAgent)
	return context.WithValue(ctx, actorKey{}, a)
}

// ActorOf is who does what ctx is for.
func ActorOf(ctx context.Context) Actor {
	a, _ := ctx.Value(actorKey{}).(Actor)
	return a
}

// WithAccount is ctx of what an account does, from where ctx says.
func WithAccount(ctx context.Context, id int64) context.Context {
	a := ActorOf(ctx)
	a.AccountID, a.Login = id, ""
	return WithActor(ctx, a)
}
