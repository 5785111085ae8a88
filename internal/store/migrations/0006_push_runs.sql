-- The runs that a push has made, as long as it is not finished: who goes on with it
-- makes none of them again.
create table push_runs (
  push_id bigint not null references pushes (id) on delete cascade,
  ref     text not null,
  path    text not null, -- of the workflow file
  primary key (push_id, ref, path)
);
