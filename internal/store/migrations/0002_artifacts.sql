-- An object is bytes that came in blocks: what an artifact or a cache holds. It
-- is open while its upload goes on, committed when a list says which of its blocks
-- it has in which order, and sealed by one change of its row.
create table objects (
  id           {{id}},
  repo_id      bigint not null references repositories (id) on delete cascade,
  status       text not null, -- open, committed, sealed; dropped until its bytes are gone
  size_limit   bigint not null, -- bytes
  seq          bigint not null default 0, -- counts its blocks and lists
  blocks       bigint not null default 0, -- that it holds
  received     bigint not null default 0, -- bytes, of these blocks
  revision     bigint not null default 0, -- the seq of its list
  list         text not null default '[]', -- the seq of its blocks, in their order
  size         bigint not null default 0, -- bytes, of the list
  digest       text not null default '', -- hexadecimal SHA-256, once sealed
  created_at   bigint not null,
  touched_at   bigint not null -- the last block
);
create index objects_unsealed on objects (created_at) where status <> 'sealed';
create index objects_dropped on objects (id) where status = 'dropped';

create table object_blocks (
  object_id bigint not null references objects (id) on delete cascade,
  name      text not null, -- as the client calls it, or its offset
  seq       bigint not null, -- a block that comes again gets another
  blob      text not null,
  size      bigint not null, -- bytes
  primary key (object_id, name)
);
create index object_blocks_blob on object_blocks (blob);

-- For the search for blobs that nothing needs.
create index log_parts_blob on log_parts (blob);
create index summaries_blob on summaries (blob);

create table artifacts (
  id           {{id}},
  repo_id      bigint not null references repositories (id) on delete cascade,
  run_id       bigint not null references runs (id) on delete cascade,
  attempt      bigint not null,
  job_id       bigint not null,
  name         text not null,
  content_type text not null,
  object_id    bigint not null, -- 0 once the bytes are gone
  status       text not null, -- pending, live, expired
  mutable      bigint not null default 0, -- by version 3 of the protocol: more files may be added
  size         bigint not null default 0, -- bytes; of the files so far while pending and mutable
  digest       text not null default '', -- sha256:…
  created_at   bigint not null,
  updated_at   bigint not null,
  expires_at   bigint not null
);
create unique index artifacts_live on artifacts (run_id, attempt, name) where status = 'live';
create index artifacts_pending on artifacts (job_id, name) where status = 'pending';
create index artifacts_job on artifacts (job_id);
create index artifacts_run on artifacts (run_id, id) where status <> 'pending';
create index artifacts_run_name on artifacts (run_id, name, id) where status <> 'pending';
create index artifacts_repo on artifacts (repo_id, id) where status <> 'pending';
create index artifacts_repo_name on artifacts (repo_id, name, id) where status <> 'pending';
create index artifacts_expiry on artifacts (expires_at, id) where status = 'live';

-- The files of a version 3 artifact that are not in its archive yet.
create table artifact_files (
  artifact_id bigint not null references artifacts (id) on delete cascade,
  path        text not null, -- below the artifact's name, with slashes
  object_id   bigint not null,
  size        bigint not null, -- bytes of the object
  gzip        bigint not null, -- the object is the file compressed
  length      bigint not null, -- bytes of the file
  primary key (artifact_id, path)
);

-- How many artifacts of a name a repository has, those that expired included.
create table artifact_names (
  repo_id bigint not null references repositories (id) on delete cascade,
  name    text not null,
  total   bigint not null,
  primary key (repo_id, name)
);

-- Sums that lists show and quotas need, so that nobody has to count.
create table usages (
  repo_id        bigint primary key references repositories (id) on delete cascade,
  artifacts      bigint not null default 0, -- rows that lists show, those that expired included
  artifact_bytes bigint not null default 0, -- of those that have not expired
  caches         bigint not null default 0,
  cache_bytes    bigint not null default 0,
  pull_bytes     bigint not null default 0 -- of the caches of pull requests
);

create table caches (
  id               {{id}},
  repo_id          bigint not null references repositories (id) on delete cascade,
  job_id           bigint not null, -- that made it; it may be deleted before
  scope            text not null, -- full ref
  key              text not null, -- as given
  key_lower        {{bytes}} not null, -- as compared; bytes, so that both databases order them alike
  version          text not null,
  object_id        bigint not null,
  status           text not null, -- pending, live
  size             bigint not null default 0, -- bytes
  created_at       bigint not null,
  last_accessed_at bigint not null
);
create unique index caches_live on caches (repo_id, scope, version, key_lower) where status = 'live';
create index caches_pending on caches (repo_id, scope, version, key_lower) where status = 'pending';
create index caches_pending_job on caches (job_id) where status = 'pending';
create index caches_key on caches (repo_id, key_lower) where status = 'live';
create index caches_access on caches (repo_id, last_accessed_at, id) where status = 'live';
create index caches_created on caches (repo_id, id) where status = 'live';
create index caches_size on caches (repo_id, size, id) where status = 'live';
create index caches_unused on caches (last_accessed_at) where status = 'live';

-- What a repository has set; 0 stands for the server's default.
alter table repositories add column artifact_days bigint not null default 0;
alter table repositories add column cache_gb bigint not null default 0;
alter table repositories add column cache_days bigint not null default 0;
