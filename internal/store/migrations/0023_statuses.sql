-- What tools say of commits, newest last.
create table statuses (
  id          {{id}},
  repo_id     bigint not null references repositories (id) on delete cascade,
  sha         text not null,
  context     text not null,
  context_key text not null, -- lower case: which of them replace each other
  state       text not null, -- error, failure, pending, success
  description text not null,
  target_url  text not null,
  creator_id  bigint not null references accounts (id),
  created_at  bigint not null
);
create index statuses_commit on statuses (repo_id, sha, context_key, id);
create index statuses_list on statuses (repo_id, sha, id);
create index statuses_creator on statuses (creator_id);
