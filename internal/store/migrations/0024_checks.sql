-- What tools report of commits, beside the jobs of runs: check runs, and the suites of
-- those of one commit that one account has made.
create table check_suites (
  id          {{id}},
  repo_id     bigint not null references repositories (id) on delete cascade,
  head_sha    text not null,
  head_branch text not null,
  creator_id  bigint not null references accounts (id),
  asked       bigint not null default 0, -- to run again
  created_at  bigint not null,
  updated_at  bigint not null,
  unique (repo_id, head_sha, creator_id)
);
create index check_suites_creator on check_suites (creator_id);

create table check_runs (
  id           {{id}},
  repo_id      bigint not null references repositories (id) on delete cascade,
  suite_id     bigint not null references check_suites (id) on delete cascade,
  head_sha     text not null,
  name         text not null,
  external_id  text not null,
  details_url  text not null,
  status       text not null,
  conclusion   text not null default '',
  title        text not null,
  summary      text not null,
  body         text not null,
  actions      text not null,
  creator_id   bigint not null references accounts (id),
  started_at   bigint not null,
  completed_at bigint not null,
  created_at   bigint not null
);
create index check_runs_commit on check_runs (repo_id, head_sha, id);
create index check_runs_suite on check_runs (suite_id, name, id);
create index check_runs_creator on check_runs (creator_id);

create table check_notes (
  id           {{id}},
  check_run_id bigint not null references check_runs (id) on delete cascade,
  path         text not null,
  start_line   bigint not null,
  end_line     bigint not null,
  start_column bigint not null,
  end_column   bigint not null,
  level        text not null,
  title        text not null,
  message      text not null,
  raw_details  text not null
);
create index check_notes_run on check_notes (check_run_id, id);
