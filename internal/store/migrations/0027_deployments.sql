-- What is to be brought where, and how far that is.
create table deployments (
  id          {{id}},
  repo_id     bigint not null references repositories (id) on delete cascade,
  sha         text not null,
  ref         text not null, -- as it was asked for
  full_ref    text not null, -- of a branch or tag; empty for a SHA
  task        text not null,
  environment text not null,
  original    text not null, -- environment
  description text not null,
  payload     text not null, -- JSON
  transient   bigint not null,
  production  bigint not null,
  creator_id  bigint not null references accounts (id),
  created_at  bigint not null,
  updated_at  bigint not null
);
create index deployments_list on deployments (repo_id, id);
create index deployments_creator on deployments (creator_id);

create table deployment_statuses (
  id              {{id}},
  deployment_id   bigint not null references deployments (id) on delete cascade,
  state           text not null,
  description     text not null,
  environment     text not null,
  environment_url text not null,
  log_url         text not null,
  creator_id      bigint not null references accounts (id),
  created_at      bigint not null
);
create index deployment_statuses_list on deployment_statuses (deployment_id, id);
create index deployment_statuses_creator on deployment_statuses (creator_id);
