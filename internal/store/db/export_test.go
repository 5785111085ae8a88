package db

// Waiting is how many statements and transactions of a share wait for a connection.
func (d *DB) Waiting(s Share) int {
	if e, ok := d.engine.(*postgresEngine); ok {
		return e.conns.places.Waiting(s)
	}
	return d.engine.(*sqliteEngine).stmts.conns.places.Waiting(s)
}
