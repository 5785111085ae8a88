-- Times are microseconds since 1970 UTC, 0 for "never"; booleans are 0 and 1;
-- lists and maps are JSON text. {{id}} is a primary key that the database
-- counts up and never uses twice; {{bytes}} is a column of bytes.

create table accounts (
  id         {{id}},
  login      text not null,
  login_key  text not null unique, -- lower case
  type       text not null,
  name       text not null default '',
  email      text not null default '',
  site_admin bigint not null default 0,
  suspended  bigint not null default 0,
  created_at bigint not null,
  updated_at bigint not null
);

create table members (
  org_id     bigint not null references accounts (id) on delete cascade,
  account_id bigint not null references accounts (id) on delete cascade,
  owner      bigint not null default 0,
  primary key (org_id, account_id)
);
create index members_account on members (account_id);

create table repositories (
  id             {{id}},
  owner_id       bigint not null references accounts (id),
  name           text not null,
  name_key       text not null, -- lower case
  description    text not null default '',
  private        bigint not null,
  default_branch text not null,
  created_at     bigint not null,
  updated_at     bigint not null,
  pushed_at      bigint not null default 0,
  unique (owner_id, name_key)
);

create table collaborators (
  repo_id    bigint not null references repositories (id) on delete cascade,
  account_id bigint not null references accounts (id) on delete cascade,
  permission bigint not null,
  primary key (repo_id, account_id)
);

create table tokens (
  id           {{id}},
  account_id   bigint not null references accounts (id) on delete cascade,
  kind         text not null,
  hash         {{bytes}} not null unique,
  note         text not null default '',
  scopes       text not null default '[]',
  repo_id      bigint not null default 0,
  job_id       bigint not null default 0,
  access       text not null default '{}',
  expires_at   bigint not null default 0,
  created_at   bigint not null,
  last_used_at bigint not null default 0
);
create index tokens_job on tokens (job_id) where job_id <> 0;
create index tokens_expiry on tokens (expires_at) where expires_at <> 0;

create table pushes (
  id         {{id}},
  repo_id    bigint not null references repositories (id) on delete cascade,
  actor_id   bigint not null references accounts (id),
  silent     bigint not null default 0,
  updates    text not null,
  created_at bigint not null
);

create table workflows (
  id         {{id}},
  repo_id    bigint not null references repositories (id) on delete cascade,
  path       text not null,
  name       text not null,
  state      text not null,
  runs       bigint not null default 0, -- number of the newest run
  created_at bigint not null,
  updated_at bigint not null,
  unique (repo_id, path)
);

create table runs (
  id          {{id}},
  repo_id     bigint not null references repositories (id) on delete cascade,
  workflow_id bigint not null references workflows (id) on delete cascade,
  number      bigint not null,
  name        text not null,
  title       text not null,
  path        text not null,
  event       text not null,
  ref         text not null,
  head_branch text not null,
  head_sha    text not null,
  head_commit text not null,
  actor_id    bigint not null references accounts (id),
  attempt     bigint not null,
  triggering_id bigint not null references accounts (id),
  status      text not null,
  conclusion  text not null default '',
  created_at  bigint not null,
  started_at  bigint not null,
  updated_at  bigint not null,
  unique (workflow_id, number)
);
create index runs_repo on runs (repo_id, id);
create index runs_workflow on runs (repo_id, workflow_id, id);
create index runs_repo_status on runs (repo_id, status, id);
create index runs_repo_conclusion on runs (repo_id, conclusion, id);
create index runs_repo_branch on runs (repo_id, head_branch, id);
create index runs_repo_event on runs (repo_id, event, id);
create index runs_repo_sha on runs (repo_id, head_sha, id);
create index runs_repo_actor on runs (repo_id, actor_id, id);

-- What runs were planned from, kept once per text.
create table texts (
  hash {{bytes}} primary key, -- SHA-256
  body {{bytes}} not null
);

create table run_sources (
  run_id   bigint primary key references runs (id) on delete cascade,
  payload  {{bytes}} not null,
  inputs   {{bytes}} not null,
  workflow {{bytes}} not null references texts (hash)
);
create index run_sources_workflow on run_sources (workflow);

create table attempts (
  run_id        bigint not null references runs (id) on delete cascade,
  number        bigint not null,
  plan_id       text not null unique,
  triggering_id bigint not null references accounts (id),
  status        text not null,
  conclusion    text not null default '',
  started_at    bigint not null,
  completed_at  bigint not null default 0,
  cancel_at     bigint not null default 0,
  forced        bigint not null default 0,
  debug         bigint not null default 0,
  primary key (run_id, number)
);

create table label_sets (
  id           {{id}},
  key          text not null unique, -- actions.LabelKey, or its SHA-256
  runner_group text not null default '',
  labels       text not null
);

create table jobs (
  id              {{id}},
  run_id          bigint not null references runs (id) on delete cascade,
  repo_id         bigint not null,
  owner_id        bigint not null,
  attempt         bigint not null,
  guid            text not null unique,
  key             text not null,
  idx             bigint not null,
  total           bigint not null,
  matrix          text not null default '',
  name            text not null,
  label_set_id    bigint not null references label_sets (id),
  labels          text not null,
  runner_group    text not null default '',
  held            bigint not null default 0,
  continue_on_error bigint not null default 0,
  timeout         bigint not null, -- microseconds
  cancel_timeout  bigint not null,
  status          text not null,
  conclusion      text not null default '',
  outputs         text not null default '{}',
  runner_id       bigint not null default 0,
  runner_name     text not null default '',
  created_at      bigint not null,
  queued_at       bigint not null default 0,
  started_at      bigint not null default 0,
  completed_at    bigint not null default 0,
  locked_until    bigint not null default 0,
  cancel_at       bigint not null default 0,
  step_order      bigint not null default 0
);
create index jobs_run on jobs (run_id, attempt, id);
create index jobs_queue on jobs (label_set_id, id) where status = 'queued' and held = 0;
create index jobs_queue_owner on jobs (owner_id, label_set_id, id) where status = 'queued' and held = 0;
create index jobs_queue_repo on jobs (repo_id, label_set_id, id) where status = 'queued' and held = 0;
create index jobs_running on jobs (status, runner_id) where status = 'in_progress';
create index jobs_queued on jobs (queued_at) where status = 'queued' and held = 0;

create table steps (
  job_id       bigint not null references jobs (id) on delete cascade,
  guid         text not null,
  number       bigint not null,
  name         text not null,
  status       text not null,
  conclusion   text not null default '',
  started_at   bigint not null default 0,
  completed_at bigint not null default 0,
  primary key (job_id, guid)
);

create table annotations (
  id           {{id}},
  job_id       bigint not null references jobs (id) on delete cascade,
  step_number  bigint not null default 0,
  path         text not null,
  start_line   bigint not null,
  end_line     bigint not null,
  start_column bigint not null default 0,
  end_column   bigint not null default 0,
  level        text not null,
  title        text not null default '',
  message      text not null
);
create index annotations_job on annotations (job_id, id);

-- A step's log is its parts in order of part. The job's own log, where a
-- runner sends one, has the job's GUID as step.
create table log_parts (
  job_id     bigint not null references jobs (id) on delete cascade,
  step       text not null,
  part       bigint not null,
  blob       text not null,
  size       bigint not null, -- bytes
  lines      bigint not null,
  created_at bigint not null,
  primary key (job_id, step, part)
);

create table summaries (
  job_id     bigint not null references jobs (id) on delete cascade,
  step       text not null,
  blob       text not null,
  size       bigint not null,
  created_at bigint not null,
  primary key (job_id, step)
);

-- Blobs that no row needs any more, until they are gone from storage.
create table dead_blobs (
  blob       text primary key,
  created_at bigint not null
);

create table runners (
  id           {{id}},
  owner_id     bigint not null default 0, -- scope: an organization
  repo_id      bigint not null default 0, -- scope: a repository; both 0 for the site
  name         text not null,
  labels       text not null,
  os           text not null default '',
  arch         text not null default '',
  version      text not null default '',
  ephemeral    bigint not null default 0,
  no_update    bigint not null default 0,
  client_id    text not null unique,
  public_key   {{bytes}} not null,
  created_at   bigint not null,
  last_seen_at bigint not null default 0,
  unique (owner_id, repo_id, name)
);

create table sessions (
  id         text primary key,
  runner_id  bigint not null unique references runners (id) on delete cascade,
  owner_name text not null,
  created_at bigint not null,
  polled_at  bigint not null
);

create table registration_tokens (
  hash       {{bytes}} primary key,
  remove     bigint not null,
  owner_id   bigint not null default 0,
  repo_id    bigint not null default 0,
  expires_at bigint not null
);
create index registration_tokens_expiry on registration_tokens (expires_at);
