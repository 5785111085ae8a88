-- == Environments ==========================================================

-- What jobs deploy to. A rule that is set here makes the jobs wait that name the environment.
create table environments (
  id                  {{id}},
  repo_id             bigint not null references repositories (id) on delete cascade,
  name                text not null,
  name_key            text not null, -- lower case
  wait_timer          bigint not null default 0, -- minutes
  prevent_self_review bigint not null default 0,
  reviewers           text not null default '[]', -- JSON
  branch_policy       text not null default '', -- protected, custom; empty for every branch and tag
  admins_bypass       bigint not null default 1,
  created_at          bigint not null,
  updated_at          bigint not null,
  unique (repo_id, name_key)
);

-- == Selected repositories =================================================

-- Which of its repositories an organization has selected for something of it.
create table selected_repositories (
  selected_for text not null, -- secret, variable, actions, self-hosted-runners, runner-group
  org_id       bigint not null references accounts (id) on delete cascade,
  name         text not null, -- of the secret or variable, or the id of the runner group; else empty
  repo_id      bigint not null references repositories (id) on delete cascade,
  primary key (selected_for, org_id, name, repo_id)
);
create index selected_repositories_repo on selected_repositories (repo_id);

-- == Secrets and variables =================================================

-- == Permissions ===========================================================

-- == Repositories ==========================================================

-- == Runner groups =========================================================
